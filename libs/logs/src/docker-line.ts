import { z } from 'zod';
import { OPENING_BRACE } from './characters.js';
import { timeMsOf } from './civil-time.js';
import { scanTimestamp } from './timestamp.js';

const DockerRecord = z.object({ log: z.string(), time: z.string() });

/** A record of Docker's json-file driver, which says nothing of the program's own line but when it came. */
export interface DockerLine {
  log: string;
  timeMs: number | undefined;
}

/** Undefined for every other line. */
export function readDockerLine(line: string, referenceMs: number): DockerLine | undefined {
  if (line.charCodeAt(0) !== OPENING_BRACE || !line.startsWith('{"log":"')) return undefined;
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch {
    // Cut off, or not Docker's.
    return undefined;
  }
  const { success, data } = DockerRecord.safeParse(record);
  if (!success) return undefined;
  const time = scanTimestamp(data.time, 0);
  return { log: data.log.replace(/\r?\n$/, ''), timeMs: time && timeMsOf(time, referenceMs) };
}
