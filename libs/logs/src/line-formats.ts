import { z } from 'zod';
import { isContinuation } from './continuation.js';
import type { Header } from './header.js';
import { skipSpaces } from './header-characters.js';
import { readStep, steps } from './header-steps.js';
import { isPlainLevel, learnLayout, readLayout, timeSignature } from './layout.js';

const LayoutShape = z.object({ steps: z.array(z.enum(steps)) });

/** A way of writing lines: where their times stand and what else is in their headers. */
const LearnedFormat = z.object({ signature: z.int().min(0), layout: LayoutShape });
type LearnedFormat = z.infer<typeof LearnedFormat>;

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
  const groups = new Map<number, string[]>();
  const untimed: string[] = [];
  for (const line of lines) {
    const signature = timeSignature(line);
    if (signature < 0) {
      untimed.push(line);
      continue;
    }
    const group = groups.get(signature);
    if (group) group.push(line);
    else groups.set(signature, [line]);
  }
  const formats = [...groups]
    .filter(([signature, own]) => columnOf(signature) === 0 || own.length >= lines.length * shareMin)
    .map(([signature, own]) => ({ signature, layout: learnLayout(own, referenceMs) }));
  const timed = lines.length - untimed.length;
  // Traces can be most of a log, and there are lines that go on with others in no known way.
  const independent = untimed.filter((line) => !isContinuation(line, ' ', false));
  return { formats, isTimed: timed * 2 > independent.length, untimed: learnLayout(independent, referenceMs) };
}

/** Reads the header of a line in one of the formats. False when it has none of their times. */
export function readFormat(format: LogFormat, line: string, header: Header, referenceMs: number): boolean {
  const signature = timeSignature(line);
  if (signature >= 0) {
    let found: LearnedFormat | undefined;
    for (const known of format.formats) if (known.signature === signature) found = known;
    if (found === undefined && columnOf(signature) === 0) {
      // A way of writing that the sample did not have.
      found = { signature, layout: learnLayout([line], referenceMs) };
      format.formats.push(found);
    }
    if (found !== undefined) {
      readLayout(found.layout, line, header, referenceMs);
      return true;
    }
  }
  if (format.isTimed) return false;
  readLayout(format.untimed, line, header, referenceMs);
  const at = skipSpaces(line, 0);
  // Where most lines are plain text, a few say `ERROR: ` all the same.
  if (format.untimed.steps.length === 0 && at === 0 && isPlainLevel({ line, at }, referenceMs))
    header.messageStart = readStep('level', line, at, header, referenceMs);
  return header.level !== undefined || header.component !== undefined;
}

/** Columns of a line before its time. */
function columnOf(signature: number): number {
  return signature % 16;
}
