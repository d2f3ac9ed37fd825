import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { analyzePart, LogParser, readFailureSigns, TemplateMiner } from '@tollgate/logs';
import { readCsv } from './logs-dataset.js';
import type { Section } from './logs-section.js';
import { textTable } from './logs-table.js';

/** What a log says about itself, without a model: which lines are alerts, which sessions went wrong. */
export const anomalySection: Section = {
  name: 'anomalies',
  async run({ dataFolder }) {
    if (dataFolder === undefined) return {};
    return { ...(await alertFigures(dataFolder)), ...(await sessionFigures(dataFolder)) };
  },
};

/** BGL's first column is the truth (`-` or the kind of alert): it is cut off before the log is read. */
async function alertFigures(dataFolder: string): Promise<Record<string, number>> {
  const file = join(dataFolder, 'BGL', 'BGL_2k.log');
  if (!existsSync(file)) return {};
  const lines = (await readFile(file, 'utf8')).split(/\r?\n/).filter((line) => line !== '');
  const isAlert = lines.map((line) => !line.startsWith('- '));
  const predicted = alertsIn(lines.map((line) => line.slice(line.indexOf(' ') + 1)).join('\n'));
  const hits = isAlert.filter((alert, index) => alert && predicted[index]).length;
  const [positives, reported] = [isAlert.filter(Boolean).length, predicted.filter(Boolean).length];
  const [precision, recall, prevalence] = [hits / reported, hits / positives, positives / lines.length];
  const f1 = (2 * hits) / (positives + reported);
  const everything = (2 * prevalence) / (1 + prevalence);
  const cells = [f1, precision, recall, prevalence, everything].map((value) => value.toFixed(3));
  console.log(
    textTable(['alert lines', 'F1', 'precision', 'recall', 'prevalence', 'F1 of flagging all'], [['BGL', ...cells]]),
  );
  return { bglF1: f1, bglPrecision: precision, bglRecall: recall };
}

/** For each line whether the template and level of its event tell of a severe fault. */
function alertsIn(log: string): boolean[] {
  const events: { shape: number; level: Parameters<typeof readFailureSigns>[1]; lineCount: number }[] = [];
  const miner = new TemplateMiner();
  const parser = new LogParser({
    onEvent: (event) => events.push({ shape: miner.add(event), level: event.level, lineCount: event.lineCount }),
  });
  parser.write(log);
  parser.end();
  const mined = miner.templates();
  return events.flatMap(({ shape, level, lineCount }) =>
    Array.from({ length: lineCount }, () => readFailureSigns(mined.templateOf(shape).text, level).isAlert),
  );
}

async function sessionFigures(dataFolder: string): Promise<Record<string, number>> {
  const folder = join(dataFolder, 'HDFS_5k');
  if (!existsSync(folder)) return {};
  const log = await readFile(join(folder, 'HDFS_5k.log'), 'utf8');
  const lines = log.split(/\r?\n/);
  const [, ...rows] = readCsv(await readFile(join(folder, 'HDFS_5k_labels.csv'), 'utf8'));
  const labels = new Map(rows.map(([id, label]) => [id, label === 'Anomaly']));
  const { analysis } = await analyzePart([log]);
  // The kind of id with the most sessions; a session is named by the labelled id in its first line.
  const [kind] = analysis.sessions().toSorted((a, b) => b.sessions.length - a.sessions.length);
  const scored = (kind?.sessions ?? []).flatMap(({ lines: own, score }) => {
    const id = [...labels.keys()].find((label) => label !== undefined && lines[(own[0] ?? 0) - 1]?.includes(label));
    return id === undefined ? [] : [{ score, isAnomaly: labels.get(id) === true }];
  });
  const [area, precision] = [areaUnderCurve(scored), averagePrecision(scored)];
  const cells = [String(scored.length), area.toFixed(3), precision.toFixed(3)];
  console.log(textTable(['sessions', 'count', 'AUC', 'AP'], [['HDFS', ...cells]]));
  return { hdfsAUC: area, hdfsAP: precision };
}

type Scored = readonly { score: number; isAnomaly: boolean }[];

/** How often an anomaly scores above a normal session; equal scores count half. */
function areaUnderCurve(scored: Scored): number {
  const [anomalies, normal] = [true, false].map((wanted) => scored.filter(({ isAnomaly }) => isAnomaly === wanted));
  let above = 0;
  for (const { score } of anomalies ?? []) {
    for (const other of normal ?? []) above += score > other.score ? 1 : score === other.score ? 0.5 : 0;
  }
  return above / ((anomalies?.length ?? 0) * (normal?.length ?? 0));
}

/** The mean precision at each anomaly; of equal scores the normal ones come first. */
function averagePrecision(scored: Scored): number {
  let found = 0;
  let sum = 0;
  scored
    .toSorted((a, b) => b.score - a.score || Number(a.isAnomaly) - Number(b.isAnomaly))
    .forEach(({ isAnomaly }, index) => {
      if (isAnomaly) sum += ++found / (index + 1);
    });
  return sum / found;
}
