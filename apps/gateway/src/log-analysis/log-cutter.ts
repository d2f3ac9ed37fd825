import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import type { LogChunk } from '@tollgate/contracts';

const compress = promisify(deflateRaw);
const PIECE_BYTES = 1_048_576;
const LINE_FEED = 10;

export type LogPiece = Omit<LogChunk, 'log_id'>;

/** Cuts a log into compressed pieces of about a mebibyte, behind a line feed wherever there is one. Holds one piece at most. */
export class LogCutter {
  bytes = 0;
  private readonly hash = createHash('sha256');
  private parts: Buffer[] = [];
  private partBytes = 0;
  private index = 0;

  constructor(private readonly send: (piece: LogPiece) => Promise<unknown>) {}

  async write(chunk: Buffer): Promise<void> {
    this.bytes += chunk.length;
    this.hash.update(chunk);
    this.parts.push(chunk);
    this.partBytes += chunk.length;
    while (this.partBytes >= PIECE_BYTES) {
      const gathered = Buffer.concat(this.parts);
      const lastFeed = gathered.lastIndexOf(LINE_FEED, PIECE_BYTES - 1);
      const end = lastFeed < 0 ? PIECE_BYTES : lastFeed + 1;
      this.parts = [gathered.subarray(end)];
      this.partBytes = gathered.length - end;
      await this.sendPiece(gathered.subarray(0, end));
    }
  }

  /** The digest of the whole log, in hexadecimal. */
  async end(): Promise<string> {
    if (this.partBytes > 0) await this.sendPiece(Buffer.concat(this.parts));
    return this.hash.digest('hex');
  }

  private async sendPiece(bytes: Buffer): Promise<void> {
    const data = (await compress(bytes, { level: 1 })).toString('base64');
    const size = { lines: feedsIn(bytes), bytes: bytes.length, ends_line: bytes.at(-1) === LINE_FEED };
    await this.send({ index: this.index++, ...size, data });
  }
}

function feedsIn(bytes: Buffer): number {
  let feeds = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) feeds += 1;
  return feeds;
}
