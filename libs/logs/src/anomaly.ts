export const anomalyKinds = [
  'new-template',
  'burst',
  'silence',
  'level-shift',
  'rare-value',
  'numeric-outlier',
  'sequence-break',
  'time-gap',
] as const;

export type AnomalyKind = (typeof anomalyKinds)[number];

/** Lines cited for one finding at most. */
export const citedLinesMax = 20;

/** Something unusual. All of it is computed; the lines are those that show it. */
export interface Anomaly {
  kind: AnomalyKind;
  /** From 0 to 1: how many of the findings with this value are expected to be real. */
  confidence: number;
  /** How likely chance makes something as unusual as this in one test. */
  probability: number;
  summary: string;
  /** The template concerned, if it is one. */
  templateId: string | undefined;
  template: string | undefined;
  /** Lines that show it, ascending, `citedLinesMax` at most. */
  lines: number[];
  fromMs: number | undefined;
  toMs: number | undefined;
  /** What was counted or measured, and what was to be expected. */
  observed: number;
  expected: number;
}

/** A finding before it is known what it is worth among all tests made. */
export type Candidate = Omit<Anomaly, 'confidence'>;

export interface Detection {
  candidates: Candidate[];
  /** Number of comparisons behind the candidates. */
  tests: number;
}
