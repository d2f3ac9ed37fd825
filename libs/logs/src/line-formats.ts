import { z } from 'zod';
import { isContinuation } from './continuation.js';
import type { Header } from './header.js';
import { steps } from './header-steps.js';
import { learnLayout, readLayout, timeSignature } from './layout.js';

const LayoutShape = z.object({ steps: z.array(z.enum(steps)) });

/** A way of writing lines: where their times stand and what else is in their headers. */
const LearnedFormat = z.object({ column: z.int().min(0), form: z.int().min(0), layout: LayoutShape });

/** What a sample of a log says about the headers of all of its lines. Plain JSON, so that it can travel with a chunk. */
export const LogFormat = z.object({
  formats: z.array(LearnedFormat),
  /** Whether a line without a time belongs to the line before. */
  isTimed: z.boolean(),
  /** For the lines without a time of a log that has none. */
  untimed: LayoutShape,
});
export type LogFormat = z.infer<typeof LogFormat>;

/** Lines before which something else stands than a time must be that many in the sample to be a format. */
const shareMin = 0.1;

/** `lines` are the first ones of a log, or of each of its parts. */
export function learnFormat(lines: readonly string[], referenceMs: number): LogFormat {
  const groups = new Map<number, { column: number; form: number; lines: string[] }>();
  const untimed: string[] = [];
  for (const line of lines) {
    const signature = timeSignature(line);
    if (signature === undefined) {
      untimed.push(line);
      continue;
    }
    const key = signature.form * 16 + signature.column;
    const group = groups.get(key);
    if (group) group.lines.push(line);
    else groups.set(key, { ...signature, lines: [line] });
  }
  const formats = [...groups.values()]
    .filter((group) => group.column === 0 || group.lines.length >= lines.length * shareMin)
    .map(({ column, form, lines: own }) => ({ column, form, layout: learnLayout(own, referenceMs) }));
  const timed = lines.length - untimed.length;
  // Traces can be most of a log, and there are lines that go on with others in no known way.
  const independent = untimed.filter((line) => !isContinuation(line, ' ', false)).length;
  return { formats, isTimed: timed * 2 > independent, untimed: learnLayout(untimed, referenceMs) };
}

/** Reads the header of a line in one of the formats. False when it has none of their times. */
export function readFormat(format: LogFormat, line: string, header: Header, referenceMs: number): boolean {
  const signature = timeSignature(line);
  if (signature !== undefined) {
    const { column, form } = signature;
    let found = format.formats.find((known) => known.column === column && known.form === form);
    if (found === undefined && column === 0) {
      // A way of writing that the sample did not have.
      found = { column, form, layout: learnLayout([line], referenceMs) };
      format.formats.push(found);
    }
    if (found !== undefined) {
      readLayout(found.layout, line, header, referenceMs);
      return true;
    }
  }
  if (format.isTimed) return false;
  readLayout(format.untimed, line, header, referenceMs);
  return header.level !== undefined || header.component !== undefined;
}
