import type { GapStatistics } from './gap-statistics.js';
import type { Session } from './session-store.js';
import type { Template } from './template.js';
import type { Occurrences } from './timeline.js';

/** A template and when it happened. */
export interface ObservedTemplate {
  template: Template;
  occurrences: Readonly<Occurrences>;
  /** The times between its events, where they were followed. */
  gaps: GapStatistics | undefined;
}

/** Units of work told apart by one kind of id. */
export interface ObservedSessions {
  /** One of their ids, as it stands in the log. */
  example: string;
  /** Share of all sessions that was followed. */
  share: number;
  /** Steps are indexes into the templates. */
  sessions: readonly { templates: readonly number[]; lines: readonly number[] }[];
}

/** What one pass over a log has seen: all that the detectors look at. */
export interface Observations {
  lines: number;
  events: number;
  lastLine: number;
  /** Whether positions are milliseconds, or lines in a log without times. */
  axis: 'time' | 'line';
  bucketWidth: number;
  templates: readonly ObservedTemplate[];
  total: Readonly<Occurrences>;
  gaps: GapStatistics;
  sessions: readonly ObservedSessions[];
}

/** Sessions with steps as templates; `templateOf` is undefined for a shape that has none. */
export function observedSession(session: Session, templateOf: (shape: number) => number | undefined) {
  const templates: number[] = [];
  const lines: number[] = [];
  session.shapes.forEach((shape, at) => {
    const template = templateOf(shape);
    if (template === undefined) return;
    templates.push(template);
    lines.push(session.lines[at] ?? 0);
  });
  return { templates, lines };
}
