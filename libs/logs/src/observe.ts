import type { ErrorGroup } from './error-groups.js';
import type { SeenTrace } from './error-traces.js';
import type { GapStatistics } from './gap-statistics.js';
import type { LogObserver } from './log-observer.js';
import { observedSession, type Observations } from './observations.js';
import type { Sample } from './report.js';
import type { MinedTemplates } from './template-miner.js';
import type { Occurrences } from './timeline.js';

export interface Observed {
  observations: Observations;
  traces: (Omit<SeenTrace, 'shapes'> & {
    templates: ReadonlyMap<number, number>;
    occurrences: Readonly<Occurrences>;
  })[];
  /** The first event of each template, by its id. */
  samples: ReadonlyMap<string, Sample>;
  occurrencesOf(group: ErrorGroup): Readonly<Occurrences>;
}

/** Puts together by template what was kept by shape. */
export function observe(observer: LogObserver, mined: MinedTemplates): Observed {
  const indexes = new Map(mined.templates.map((template, index) => [template, index]));
  const shapes = observer.shapes();
  const byShape = new Map(shapes.map((shape) => [shape, indexes.get(mined.templateOf(shape)) ?? 0]));
  const shapesOf: number[][] = mined.templates.map(() => []);
  for (const [shape, index] of byShape) shapesOf[index]?.push(shape);

  const axis = observer.eventsWithTime * 2 >= observer.events && observer.events > 0 ? 'time' : 'line';
  const timeline = axis === 'time' ? observer.times : observer.untimed;
  const traceTimeline = axis === 'time' ? observer.traceTimes : observer.untimedTraces;
  const templates = mined.templates.map((template, index) => {
    const own = shapesOf[index] ?? [];
    return {
      template,
      occurrences: timeline.occurrencesOfAll(own),
      gaps: axis === 'time' ? onlyGaps(observer, own) : undefined,
    };
  });
  const samples = new Map<string, Sample>();
  for (const [shape, index] of byShape) {
    const [sample, id] = [observer.samples[shape], mined.templates[index]?.id];
    const known = samples.get(id ?? '');
    if (sample && id !== undefined && (known === undefined || sample.line < known.line)) samples.set(id, sample);
  }
  const traces = observer.traces.list().map(({ shapes: traceShapes, ...trace }) => {
    const counts = new Map<number, number>();
    for (const [shape, count] of traceShapes) {
      const index = byShape.get(shape) ?? 0;
      counts.set(index, (counts.get(index) ?? 0) + count);
    }
    return { ...trace, templates: counts, occurrences: traceTimeline.occurrencesIn(trace.number, timeline) };
  });
  const observations: Observations = {
    lines: observer.lines,
    events: observer.events,
    lastLine: observer.lastLine,
    axis,
    bucketWidth: timeline.bucketWidth,
    templates,
    total: timeline.occurrencesOfAll(shapes),
    gaps: observer.gaps,
    sessions: observer.sessions.list().map(({ example, share, sessions }) => ({
      example,
      share,
      sessions: sessions.map((session) => observedSession(session, (shape) => byShape.get(shape))),
    })),
  };
  const byId = new Map(templates.map((observed) => [observed.template.id, observed.occurrences]));
  const byFingerprint = new Map(traces.map((trace) => [trace.fingerprint, trace.occurrences]));
  const none: Occurrences = { buckets: [], counts: [], firstLines: [], lastLines: [] };
  const occurrencesOf = ({ fingerprint }: ErrorGroup) =>
    byFingerprint.get(fingerprint) ?? byId.get(fingerprint) ?? none;
  return { observations, traces, samples, occurrencesOf };
}

/** The gaps of a template of one shape. Those of several shapes cannot be told from the gaps of each. */
function onlyGaps(observer: LogObserver, shapes: readonly number[]): GapStatistics | undefined {
  const [shape] = shapes;
  return shapes.length === 1 && shape !== undefined ? observer.shapeGaps[shape] : undefined;
}
