import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** A log that can be read more than once. */
export interface LogSource {
  read(): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** `-` is standard input, which is kept in a temporary file meanwhile; `.gz` is unpacked. Raises the errors of the file system. */
export async function openLog(path: string): Promise<LogSource> {
  if (path !== '-') return { read: () => readFile(path), close: () => Promise.resolve() };
  const folder = await mkdtemp(join(tmpdir(), 'logs-'));
  const file = join(folder, 'stdin');
  await writeFile(file, process.stdin);
  return { read: () => createReadStream(file), close: () => rm(folder, { recursive: true }) };
}

function readFile(path: string): AsyncIterable<Uint8Array> {
  const file = createReadStream(path);
  // Whoever reads hears of the errors of both.
  return path.endsWith('.gz') ? pipeline(file, createGunzip(), () => undefined) : file;
}
