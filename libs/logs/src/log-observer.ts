import { ErrorTraces, type TraceSnapshot } from './error-traces.js';
import { GapStatistics, type GapSnapshot } from './gap-statistics.js';
import type { LogEvent } from './log-event.js';
import type { Sample } from './report.js';
import { type SessionKindSnapshot, SessionStore } from './session-store.js';
import { Tally, type TallySnapshot } from './tally.js';
import { detached } from './text-hash.js';
import { Timeline, type TimelineSnapshot } from './timeline.js';

const sampleTextMax = 1_000;

export interface ObserverSnapshot {
  lines: number;
  events: number;
  eventsWithTime: number;
  lastLine: number;
  times: TimelineSnapshot;
  untimed: TimelineSnapshot;
  traceTimes: TimelineSnapshot;
  untimedTraces: TimelineSnapshot;
  gaps: GapSnapshot;
  shapeGaps: [shape: number, GapSnapshot][];
  sessions: SessionKindSnapshot[];
  traces: TraceSnapshot[];
  samples: [shape: number, Sample][];
  components: TallySnapshot;
  hosts: TallySnapshot;
}

/**
 * What is kept of each event beside its shape: when it came, after how long, to which session and trace it belongs, and where
 * it came from. Everything grows with the number of shapes and not of lines, and merges with what was kept of later lines.
 */
export class LogObserver {
  lines = 0;
  events = 0;
  eventsWithTime = 0;
  lastLine = 0;
  times = new Timeline();
  /** Of events without a time: their positions are line numbers. */
  untimed = new Timeline();
  /** When each stack trace came, by its number. */
  traceTimes = new Timeline();
  untimedTraces = new Timeline();
  gaps = new GapStatistics();
  shapeGaps: (GapStatistics | undefined)[] = [];
  sessions = new SessionStore();
  traces = new ErrorTraces();
  samples: (Sample | undefined)[] = [];
  components = new Tally();
  hosts = new Tally();

  add(event: LogEvent, shape: number): void {
    const { line, timeMs } = event;
    this.events++;
    this.lines += event.lineCount;
    if (line > this.lastLine) this.lastLine = line;
    if (timeMs === undefined) this.untimed.add(shape, line, line);
    else this.addTime(shape, timeMs, line);
    this.sessions.add(event.text, shape, line);
    if (event.component !== undefined) this.components.add(event.component);
    if (event.host !== undefined) this.hosts.add(event.host);
    if (event.continuation.length > 0) this.addTrace(event, shape);
    if (this.samples[shape] === undefined)
      setAt(this.samples, shape, { line, text: detached(event.text.slice(0, sampleTextMax)) });
  }

  /** Shapes seen. */
  shapes(): number[] {
    return this.samples.flatMap((sample, shape) => (sample === undefined ? [] : [shape]));
  }

  /** Adds what was kept of later lines; `shapeOf` translates its shapes. */
  merge(other: LogObserver, shapeOf: (otherShape: number) => number): void {
    this.lines += other.lines;
    this.events += other.events;
    this.eventsWithTime += other.eventsWithTime;
    this.lastLine = Math.max(this.lastLine, other.lastLine);
    this.times.merge(other.times, shapeOf);
    this.untimed.merge(other.untimed, shapeOf);
    this.gaps.merge(other.gaps);
    other.shapeGaps.forEach((gaps, shape) => gaps && this.gapsOf(shapeOf(shape)).merge(gaps));
    this.sessions.merge(other.sessions, shapeOf);
    const traceNumbers = this.traces.merge(other.traces.snapshot(), shapeOf);
    this.traceTimes.merge(other.traceTimes, (number) => traceNumbers.get(number) ?? 0);
    this.untimedTraces.merge(other.untimedTraces, (number) => traceNumbers.get(number) ?? 0);
    other.samples.forEach((sample, otherShape) => {
      const shape = shapeOf(otherShape);
      const own = this.samples[shape];
      if (sample && (own === undefined || sample.line < own.line)) setAt(this.samples, shape, sample);
    });
    this.components.merge(other.components.snapshot());
    this.hosts.merge(other.hosts.snapshot());
  }

  /** Gives shapes that have become one under another number their common name. */
  renameShapes(shapeOf: (shape: number) => number): void {
    const old = Object.assign(new LogObserver(), this);
    Object.assign(this, new LogObserver());
    this.merge(old, shapeOf);
  }

  /** Plain JSON, with shapes named by `shapeOf`. */
  snapshot(shapeOf: (shape: number) => number): ObserverSnapshot {
    const renamed = new LogObserver();
    renamed.merge(this, shapeOf);
    const { lines, events, eventsWithTime, lastLine } = renamed;
    return {
      lines,
      events,
      eventsWithTime,
      lastLine,
      times: renamed.times.snapshot(),
      untimed: renamed.untimed.snapshot(),
      traceTimes: renamed.traceTimes.snapshot(),
      untimedTraces: renamed.untimedTraces.snapshot(),
      gaps: renamed.gaps.snapshot(),
      shapeGaps: renamed.shapeGaps.flatMap((gaps, shape) => (gaps ? [[shape, gaps.snapshot()]] : [])),
      sessions: renamed.sessions.snapshot(),
      traces: renamed.traces.snapshot(),
      samples: renamed.samples.flatMap((sample, shape) => (sample ? [[shape, sample]] : [])),
      components: renamed.components.snapshot(),
      hosts: renamed.hosts.snapshot(),
    };
  }

  static restore(snapshot: ObserverSnapshot): LogObserver {
    const observer = new LogObserver();
    const { lines, events, eventsWithTime, lastLine } = snapshot;
    Object.assign(observer, { lines, events, eventsWithTime, lastLine });
    observer.times = Timeline.restore(snapshot.times);
    observer.untimed = Timeline.restore(snapshot.untimed);
    observer.traceTimes = Timeline.restore(snapshot.traceTimes);
    observer.untimedTraces = Timeline.restore(snapshot.untimedTraces);
    observer.gaps = GapStatistics.restore(snapshot.gaps);
    for (const [shape, gaps] of snapshot.shapeGaps) setAt(observer.shapeGaps, shape, GapStatistics.restore(gaps));
    observer.sessions = SessionStore.restore(snapshot.sessions);
    observer.traces.merge(snapshot.traces, (shape) => shape);
    for (const [shape, sample] of snapshot.samples) setAt(observer.samples, shape, sample);
    observer.components.merge(snapshot.components);
    observer.hosts.merge(snapshot.hosts);
    return observer;
  }

  private addTime(shape: number, timeMs: number, line: number): void {
    this.eventsWithTime++;
    this.times.add(shape, timeMs, line);
    this.gaps.add(timeMs, line);
    this.gapsOf(shape).add(timeMs, line);
  }

  private addTrace(event: LogEvent, shape: number): void {
    const number = this.traces.add(event, event.line, shape);
    if (number === undefined) return;
    if (event.timeMs === undefined) this.untimedTraces.add(number, event.line, event.line);
    else this.traceTimes.add(number, event.timeMs, event.line);
  }

  private gapsOf(shape: number): GapStatistics {
    return this.shapeGaps[shape] ?? setAt(this.shapeGaps, shape, new GapStatistics());
  }
}

/** Without holes, which would turn the array into a slow dictionary. */
function setAt<Value>(array: (Value | undefined)[], index: number, value: Value): Value {
  while (array.length < index) array.push(undefined);
  array[index] = value;
  return value;
}
