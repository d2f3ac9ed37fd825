import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { AppError } from '@tollgate/contracts';

const OUTPUT_BYTES = 65_536;

/** Bytes as they are, or unpacked. */
export interface Packing {
  /** Said by a header or the name of a file; otherwise the first two bytes decide. */
  isGzip: boolean;
  /** Of the packed and of the unpacked bytes. */
  bytesMax: number;
  /** What an error names. */
  param: string;
}

/**
 * Hands on what stands in `source`, unpacked where it is gzip. Raises `payload_too_large` as soon as there is a byte too much,
 * however small the packed bytes are, and `invalid_request` for what is no gzip. Never ends or destroys the source.
 */
export async function unpack(
  source: AsyncIterable<Buffer>,
  { isGzip, bytesMax, param }: Packing,
  take: (chunk: Buffer) => Promise<void>,
): Promise<void> {
  const { start, isMagic, rest } = await peek(bounded(source, bytesMax, param));
  const packed = joined(start, rest);
  if (!isGzip && !isMagic) {
    for await (const chunk of packed) await take(chunk);
    return;
  }
  try {
    const gunzip = createGunzip({ chunkSize: OUTPUT_BYTES });
    await pipeline(Readable.from(packed), gunzip, async (unpacked: AsyncIterable<Buffer>) => {
      for await (const chunk of bounded(unpacked, bytesMax, param)) await take(chunk);
    });
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) {
      throw new AppError('invalid_request', `${param}: is not gzip, or not all of it`, { param, cause: error });
    }
    throw error;
  }
}

async function* bounded(source: AsyncIterable<Buffer>, bytesMax: number, param: string): AsyncGenerator<Buffer, void> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > bytesMax) {
      const message = `${param}: the log is larger than ${bytesMax} bytes`;
      throw new AppError('payload_too_large', message, { param, details: { bytes_max: bytesMax } });
    }
    yield chunk;
  }
}

/** No log begins with the mark of gzip. */
async function peek(source: AsyncGenerator<Buffer, void>) {
  let start = Buffer.alloc(0);
  while (start.length < 2) {
    const { done, value } = await source.next();
    if (done) break;
    start = Buffer.concat([start, value]);
  }
  return { start, isMagic: start[0] === 0x1f && start[1] === 0x8b, rest: source };
}

async function* joined(start: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  if (start.length > 0) yield start;
  yield* rest;
}
