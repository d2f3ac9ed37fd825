import { analyzeLog, type Anomaly } from '@tollgate/logs';
import { faultKinds, generateLog, type FaultKind } from './injection-log.js';
import type { Section } from './logs-section.js';
import { textTable } from './logs-table.js';

const strengths = [10, 3];
const topFindings = 5;
const bins = 10;
/** Of logs that nothing was built or tuned with; once they are, take others. */
const firstSeed = 3_100_000;

/** Known faults in generated logs: found among the first findings, false alarms on clean ones, confidence against truth. */
export const injectionSection: Section = {
  name: 'injection',
  async run({ isQuick }) {
    const runs = isQuick ? 2 : 40;
    const judged: Judged[] = [];
    const recall = new Map<number, Map<FaultKind, number>>();
    const cited = { right: 0, all: 0 };
    for (const strength of strengths) {
      const byFault = new Map<FaultKind, number>();
      for (const [index, fault] of faultKinds.entries()) {
        let found = 0;
        for (let run = 0; run < runs; run++) {
          const seed = firstSeed + strength * 10_000 + index * 1_000 + run;
          const { findings, hasFault, right, all } = await runOne(seed, fault, strength);
          judged.push(...findings);
          if (hasFault) found++;
          cited.right += right;
          cited.all += all;
        }
        byFault.set(fault, found / runs);
      }
      recall.set(strength, byFault);
    }
    const clean = await cleanRuns(isQuick ? 10 : 60);
    judged.push(...clean.findings);
    const rows = faultKinds.map((fault) => [
      fault,
      ...strengths.map((s) => recall.get(s)?.get(fault)?.toFixed(2) ?? ''),
    ]);
    console.log(textTable([`in the first ${topFindings} of ${runs} runs`, ...strengths.map((s) => `×${s}`)], rows));
    const falseAlarms = (clean.findings.length / clean.lines) * 100_000;
    const calibrationError = calibrationErrorOf(judged);
    const citedPrecision = cited.right / cited.all;
    console.log(`${falseAlarms.toFixed(2)} false alarms per 100,000 of ${clean.lines} clean lines`);
    console.log(`expected calibration error ${calibrationError.toFixed(3)} over ${judged.length} findings`);
    console.log(`${(100 * citedPrecision).toFixed(1)} % of the lines cited for a found fault are its own`);
    const least = (strength: number): number => Math.min(...(recall.get(strength)?.values() ?? []));
    return {
      injectionRecall10: least(10),
      injectionRecall3: least(3),
      falseAlarmsPer100k: falseAlarms,
      calibrationError,
      citedPrecision,
    };
  },
};

interface Judged {
  confidence: number;
  isRight: boolean;
}

async function runOne(seed: number, fault: FaultKind, strength: number) {
  const { lines, faultLines } = generateLog(seed, fault, strength);
  const { anomalies } = await analyzeLog([lines.join('\n')]);
  const ownLines = ({ lines: cited }: Anomaly): number => cited.filter((line) => faultLines.has(line)).length;
  const isRight = (anomaly: Anomaly): boolean =>
    ownLines(anomaly) * 2 >= anomaly.lines.length && anomaly.lines.length > 0;
  const first = anomalies.slice(0, topFindings).find(isRight);
  return {
    findings: anomalies.map((anomaly) => ({ confidence: anomaly.confidence, isRight: isRight(anomaly) })),
    hasFault: first !== undefined,
    right: first ? ownLines(first) : 0,
    all: first?.lines.length ?? 0,
  };
}

async function cleanRuns(count: number): Promise<{ lines: number; findings: Judged[] }> {
  let total = 0;
  const findings: Judged[] = [];
  for (let run = 0; run < count; run++) {
    const { lines } = generateLog(firstSeed + 900_000 + run);
    const { anomalies } = await analyzeLog([lines.join('\n')]);
    total += lines.length;
    findings.push(...anomalies.map(({ confidence }) => ({ confidence, isRight: false })));
  }
  return { lines: total, findings };
}

/** The mean distance between the confidence and the share of right findings, over ten bins of confidence. */
function calibrationErrorOf(judged: readonly Judged[]): number {
  let distance = 0;
  for (let bin = 0; bin < bins; bin++) {
    const members = judged.filter(({ confidence }) => Math.min(bins - 1, Math.floor(confidence * bins)) === bin);
    const confidence = members.reduce((sum, member) => sum + member.confidence, 0);
    distance += Math.abs(confidence - members.filter(({ isRight }) => isRight).length);
  }
  return judged.length === 0 ? 0 : distance / judged.length;
}
