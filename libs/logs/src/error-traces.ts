import type { LogEvent } from './log-event.js';
import { parseStackTrace, type ThrownException } from './stack-trace.js';
import { detached } from './text-hash.js';

/** Different traces told apart at most; the rest is counted under the fingerprint `other`. */
const tracesMax = 2_000;
const textMax = 400;

export interface TraceSnapshot {
  number: number;
  fingerprint: string;
  chain: ThrownException[];
  count: number;
  firstLine: number;
  lastLine: number;
  /** Shapes of the messages above the trace, with counts. */
  shapes: [shape: number, count: number][];
}

export interface SeenTrace extends Omit<TraceSnapshot, 'shapes'> {
  shapes: Map<number, number>;
}

/** Counts stack traces by what was thrown where. */
export class ErrorTraces {
  private readonly byFingerprint = new Map<string, SeenTrace>();

  /** Number of the trace in this event, from 0; undefined if there is none. */
  add(event: LogEvent, line: number, shape: number): number | undefined {
    const parsed = parseStackTrace(event.message, event.continuation);
    if (!parsed) return undefined;
    const trace = this.traceFor(parsed.fingerprint, parsed.chain);
    trace.count++;
    trace.firstLine = Math.min(trace.firstLine, line);
    trace.lastLine = Math.max(trace.lastLine, line);
    trace.shapes.set(shape, (trace.shapes.get(shape) ?? 0) + 1);
    return trace.number;
  }

  list(): readonly SeenTrace[] {
    return [...this.byFingerprint.values()];
  }

  /** Returns what each trace of the other is called here. */
  merge(other: readonly TraceSnapshot[], shapeOf: (shape: number) => number): Map<number, number> {
    const numbers = new Map<number, number>();
    for (const seen of other) {
      const trace = this.traceFor(seen.fingerprint, seen.chain);
      trace.count += seen.count;
      trace.firstLine = Math.min(trace.firstLine, seen.firstLine);
      trace.lastLine = Math.max(trace.lastLine, seen.lastLine);
      for (const [shape, count] of seen.shapes) {
        trace.shapes.set(shapeOf(shape), (trace.shapes.get(shapeOf(shape)) ?? 0) + count);
      }
      numbers.set(seen.number, trace.number);
    }
    return numbers;
  }

  snapshot(): TraceSnapshot[] {
    return this.list().map((trace) => ({ ...trace, shapes: [...trace.shapes] }));
  }

  private traceFor(fingerprint: string, chain: readonly ThrownException[]): SeenTrace {
    const known = this.byFingerprint.get(fingerprint);
    if (known) return known;
    if (this.byFingerprint.size >= tracesMax && fingerprint !== 'other') {
      return this.traceFor('other', [{ type: 'other', message: '', frames: [] }]);
    }
    const created: SeenTrace = {
      number: this.byFingerprint.size,
      fingerprint,
      chain: chain.slice(0, 8).map(({ type, message, frames }) => ({
        type: detached(type),
        message: detached(message.slice(0, textMax)),
        frames: frames.slice(0, 20).map(detached),
      })),
      count: 0,
      firstLine: Infinity,
      lastLine: 0,
      shapes: new Map(),
    };
    this.byFingerprint.set(created.fingerprint, created);
    return created;
  }
}
