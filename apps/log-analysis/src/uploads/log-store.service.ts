import { AppError, type LogChunk } from '@tollgate/contracts';
import { asService, Database } from '@tollgate/database';
import { Injectable } from '@nestjs/common';

/** An upload that nobody sends or reads any more is forgotten after this. */
const KEPT_MS = 15 * 60_000;
/** Of one account at once, those of unfinished jobs included. */
const UPLOADS_MAX = 20;
const RETRY_AFTER_SECONDS = 30;

/** What is known of a piece without reading it. */
export interface ChunkSize {
  index: number;
  lines: number;
  bytes: number;
  endsLine: boolean;
}

/** Logs between the one who sends them and those who read them: pieces in Postgres, compressed as they came. */
@Injectable()
export class LogStore {
  constructor(private readonly database: Database) {}

  /** Raises `rate_limit_exceeded` for too many uploads, `not_found` for a later piece of one that is not there. */
  async append(accountId: string, { log_id: id, index, lines, bytes, ends_line: endsLine, data }: LogChunk) {
    const expiresAt = new Date(Date.now() + KEPT_MS);
    if (index === 0) await this.begin(accountId, id, expiresAt);
    const { count } = await this.database.logUpload.updateMany({ where: { id, accountId }, data: { expiresAt } });
    if (count === 0) throw notFound();
    const chunk = { uploadId: id, index, lines, bytes, endsLine, data: Buffer.from(data, 'base64') };
    await this.database.logChunk.createMany({ data: [chunk], skipDuplicates: true });
  }

  /** Of all pieces, in order. Raises `not_found`, also for a log of another account. */
  async sizes(accountId: string, id: string): Promise<ChunkSize[]> {
    const chunks = await this.database.logChunk.findMany({
      where: { uploadId: id, upload: { accountId, expiresAt: { gt: new Date() } } },
      select: { index: true, lines: true, bytes: true, endsLine: true },
      orderBy: { index: 'asc' },
    });
    if (chunks.length === 0) throw notFound();
    return chunks;
  }

  /**
   * Pieces from one on, compressed, for whoever has asked for their sizes: threads that read serve one account after the other, and
   * their events come in the scope of the first. Raises `not_found` when the first of them is not there.
   */
  async *read(id: string, from = 0): AsyncGenerator<Uint8Array, void> {
    for (let index = from; ; index += 1) {
      const where = { uploadId: id, index };
      const chunk = await asService(() => this.database.logChunk.findFirst({ where }));
      if (!chunk && index === from) throw notFound();
      if (!chunk) return;
      yield chunk.data;
    }
  }

  async keepUntil(id: string, expiresAt: Date): Promise<void> {
    await asService(() => this.database.logUpload.updateMany({ where: { id }, data: { expiresAt } }));
  }

  async discard(accountId: string, id: string): Promise<void> {
    await asService(() => this.database.logUpload.deleteMany({ where: { id, accountId } }));
  }

  async deleteExpired(): Promise<void> {
    await this.database.logUpload.deleteMany({ where: { expiresAt: { lte: new Date() } } });
  }

  private async begin(accountId: string, id: string, expiresAt: Date): Promise<void> {
    const where = { accountId, id: { not: id }, expiresAt: { gt: new Date() } };
    if ((await this.database.logUpload.count({ where })) >= UPLOADS_MAX) {
      throw new AppError('rate_limit_exceeded', `More than ${UPLOADS_MAX} logs of this account are being read.`, {
        details: { limit: UPLOADS_MAX },
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    await this.database.logUpload.createMany({ data: [{ id, accountId, expiresAt }], skipDuplicates: true });
  }
}

function notFound(): AppError {
  return new AppError('not_found', 'There is no such log any more; send it again.');
}
