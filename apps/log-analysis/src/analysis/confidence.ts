import type { LogTask } from '@tollgate/contracts';
import type { LogReport } from '@tollgate/logs';
import type { Answer } from './answer.js';

type Evidence = Pick<Answer, 'isCounted'> & { narrative: Pick<Answer['narrative'], 'evidence' | 'citations'> };

/**
 * What the confidence of an answer is made of, each from 0 to 1; a factor that the answer has nothing to do with is absent.
 *
 * - `coverage`: share of the log's lines that the evidence stands for. The core alone reads them all.
 * - `findings`: mean confidence of the anomalies, which is calibrated, where they are what was asked for.
 * - `citations`: share of the cited line numbers that the evidence has, by Laplace's rule, so that few of them prove little.
 */
export function confidenceFactors(
  task: LogTask,
  { lines, anomalies }: Pick<LogReport, 'lines' | 'anomalies'>,
  { isCounted, narrative: { evidence, citations } }: Evidence,
): Record<string, number> {
  if (isCounted) return { coverage: 1 };
  const cited = citations.valid + citations.removed;
  return {
    coverage: evidence ? rounded(evidence.covered_lines / Math.max(lines, 1)) : 1,
    ...(task === 'detect-anomalies' &&
      anomalies.length > 0 && { findings: rounded(mean(anomalies.map(({ confidence }) => confidence))) }),
    ...(evidence && { citations: rounded((citations.valid + 1) / (cited + 2)) }),
  };
}

/** The geometric mean: one bad factor is not made good by the others. */
export function confidenceScore(factors: Record<string, number>): number {
  const values = Object.values(factors);
  const product = values.reduce((sum, value) => sum * value, 1);
  return rounded(values.length === 0 ? 0 : product ** (1 / values.length));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function rounded(value: number): number {
  return Math.min(1, Math.round(value * 1_000) / 1_000);
}
