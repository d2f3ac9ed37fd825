import { z } from 'zod';

/**
 * Which calls a fault hits: those of `model`, on `path`, from the `nth` one that matches (counted since the fault was set), `times`
 * in a row. `times` is 1 with `nth`, else without limit. Without `path` only generating routes are hit; with the path of another
 * route, such as /api/tags, it can answer with a status, hang or (any other kind) lose the connection.
 */
const matching = {
  model: z.string().optional(),
  path: z.string().optional(),
  nth: z.int().min(1).optional(),
  times: z.int().min(1).optional(),
};
const count = z.int().min(0);

export const SimulatorFault = z.discriminatedUnion('kind', [
  z.strictObject({
    ...matching,
    kind: z.literal('status'),
    status: z.int().min(200).max(599),
    body: z.unknown().optional(),
    headers: z.record(z.string(), z.string()).optional(),
  }),
  z.strictObject({ ...matching, kind: z.literal('cut'), afterBytes: count }),
  z.strictObject({ ...matching, kind: z.literal('drip'), bytesPerSecond: z.number().positive() }),
  z.strictObject({ ...matching, kind: z.literal('missing_usage') }),
  z.strictObject({ ...matching, kind: z.literal('zero_usage') }),
  z.strictObject({ ...matching, kind: z.literal('error_frame'), afterTokens: count }),
  /** Without `afterTokens` not even the headers are sent. */
  z.strictObject({ ...matching, kind: z.literal('hang'), afterTokens: count.optional() }),
  /** Nonsense with status 200 instead of an answer. */
  z.strictObject({ ...matching, kind: z.literal('garbage') }),
  /** Blank lines or comments before the first token, as a busy DeepSeek sends them. */
  z.strictObject({ ...matching, kind: z.literal('keep_alive'), lines: z.int().min(1) }),
  /** The body in pieces of so many bytes, characters cut in two included. */
  z.strictObject({ ...matching, kind: z.literal('split'), bytes: z.int().min(1) }),
  /** A text of so many characters in one frame, after the answer's own. */
  z.strictObject({ ...matching, kind: z.literal('long_line'), characters: z.int().min(1) }),
  /** Only a stream can end too early; other answers stay whole. */
  z.strictObject({ ...matching, kind: z.literal('no_done') }),
]);
export type SimulatorFault = z.infer<typeof SimulatorFault>;

/** The first fault in order that matches a call and is not used up is the one that hits it. */
export class FaultQueue {
  private entries: { fault: SimulatorFault; matched: number; used: number }[] = [];

  set(faults: readonly SimulatorFault[]): void {
    this.entries = faults.map((fault) => ({ fault, matched: 0, used: 0 }));
  }

  /** `model` is absent for routes that generate nothing. */
  take(call: { path: string; model?: string }): SimulatorFault | undefined {
    const matching = this.entries.filter(({ fault }) => matches(fault, call));
    for (const entry of matching) entry.matched += 1;
    const due = matching.find(({ fault, matched, used }) => matched >= (fault.nth ?? 1) && used < timesOf(fault));
    if (due) due.used += 1;
    return due?.fault;
  }
}

function matches(fault: SimulatorFault, call: { path: string; model?: string }): boolean {
  const onPath = fault.path === undefined ? call.model !== undefined : fault.path === call.path;
  return onPath && (fault.model === undefined || fault.model === call.model);
}

function timesOf({ times, nth }: SimulatorFault): number {
  return times ?? (nth === undefined ? Infinity : 1);
}
