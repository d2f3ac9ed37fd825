import type { Anomaly } from './anomaly.js';
import type { Correlation } from './correlations.js';
import type { ErrorGroup } from './error-groups.js';
import type { LogLevel } from './log-level.js';
import type { ParameterKind } from './template.js';
import type { Trend } from './trend.js';

/** What one pass over a log found. Plain JSON; every number is counted, none is estimated by a model. */
export interface LogReport {
  /** Lines of the input; each stands in exactly one event. */
  lines: number;
  /** With characters that could not be read, here or when they were written: U+FFFD. */
  unreadableLines: number;
  /** Of more than 4,194,304 characters, of which only these were read. */
  cutLines: number;
  events: number;
  /** From the earliest time to the latest, without stray ones; undefined in a log without times. */
  span: { fromMs: number; toMs: number } | undefined;
  eventsWithTime: number;
  levels: Partial<Record<LogLevel, number>>;
  /** The most frequent places. */
  components: { name: string; count: number }[];
  hosts: { name: string; count: number }[];
  /** How many events came when. */
  trend: Trend;
  templateCount: number;
  /** The most frequent, `templatesMax` of them. */
  templates: ReportedTemplate[];
  errorGroupCount: number;
  errorGroups: ReportedErrorGroup[];
  anomalies: Anomaly[];
  correlations: Correlation[];
}

export interface Sample {
  line: number;
  text: string;
}

export interface ReportedTemplate {
  id: string;
  text: string;
  count: number;
  firstLine: number;
  lastLine: number;
  level: LogLevel | undefined;
  trend: Trend;
  parameters: ReportedParameter[];
  sample: Sample | undefined;
}

export interface ReportedParameter {
  name: string | undefined;
  kind: ParameterKind;
  distinct: number;
  values: { value: string; count: number }[];
  numbers: { min: number; median: number; high: number; max: number } | undefined;
}

export interface ReportedErrorGroup extends ErrorGroup {
  sample: Sample | undefined;
}
