import { AnalysisOptions, AnalysisResponse, AppError, Caller, LogJob, LogTask } from '@tollgate/contracts';
import { Database, Prisma, type LogJob as JobRow, type LogJobPart as PartRow } from '@tollgate/database';
import { LogFormat } from '@tollgate/logs';
import { Injectable } from '@nestjs/common';
import { linesOf, planParts } from './part-plan.js';
import type { ChunkSize } from '../uploads/log-store.service.js';

/** Results after their end, and jobs that nobody could finish. */
const KEPT_MS = 24 * 3_600_000;
const LISTED_MAX = 100;

const JobRequest = AnalysisOptions.extend({ task: LogTask });
export type JobRequest = ReturnType<typeof JobRequest.parse>;

/** A job as those see it who run it. */
export interface RunnableJob {
  id: string;
  caller: Caller;
  request: JobRequest;
  createdAt: Date;
  isFinished: boolean;
  format: LogFormat | undefined;
  partCount: number;
  /** Of the parts that have no partial result yet. */
  pendingParts: number[];
}

export type RunnablePart = Pick<PartRow, 'firstChunk' | 'chunkCount' | 'firstLine'>;

type DescribedPart = Pick<PartRow, 'lines'> & { isDone: boolean };

/** Jobs, their parts and results in Postgres. A partial result and a result are committed once and never changed. */
@Injectable()
export class JobStore {
  constructor(private readonly database: Database) {}

  /** @param parts of at most so many bytes (and a piece) */
  async create(caller: Caller, id: string, request: JobRequest, chunks: ChunkSize[], partBytesMax: number) {
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes, 0);
    const expiresAt = new Date(Date.now() + KEPT_MS);
    const data = { id, accountId: caller.account_id, caller, lines: linesOf(chunks), bytes, expiresAt };
    await this.database.$transaction(
      async (tx) =>
        [
          await tx.logJob.create({ data: { ...data, request: toJson(request) } }),
          await tx.logJobPart.createMany({
            data: planParts(chunks, partBytesMax).map((part) => ({ jobId: id, ...part })),
          }),
          await tx.logUpload.updateMany({ where: { id }, data: { expiresAt } }),
        ] as const,
    );
  }

  /** Raises `not_found`, also for a job of another account. */
  async get(accountId: string, id: string): Promise<LogJob> {
    const row = await this.database.logJob.findFirst({ where: { id, accountId, expiresAt: { gt: new Date() } } });
    if (!row) throw new AppError('not_found', 'There is no such job.');
    return describe(row, await this.partsOf(id), row.result === null ? null : AnalysisResponse.parse(row.result));
  }

  /** Newest first, without results. */
  async list(accountId: string): Promise<LogJob[]> {
    const rows = await this.database.logJob.findMany({
      where: { accountId, expiresAt: { gt: new Date() } },
      omit: { result: true },
      orderBy: { createdAt: 'desc' },
      take: LISTED_MAX,
    });
    return Promise.all(rows.map(async (row) => describe(row, await this.partsOf(row.id), null)));
  }

  /** Undefined when it is not there any more. */
  async load(id: string): Promise<RunnableJob | undefined> {
    const row = await this.database.logJob.findFirst({ where: { id }, omit: { result: true } });
    if (!row) return undefined;
    const pending = await this.database.logJobPart.findMany({
      where: { jobId: id, snapshot: null },
      select: { index: true },
      orderBy: { index: 'asc' },
    });
    return {
      id,
      caller: Caller.parse(row.caller),
      request: JobRequest.parse(row.request),
      createdAt: row.createdAt,
      isFinished: row.finishedAt !== null,
      format: row.format === null ? undefined : LogFormat.parse(row.format),
      partCount: await this.database.logJobPart.count({ where: { jobId: id } }),
      pendingParts: pending.map(({ index }) => index),
    };
  }

  async start(id: string, format: LogFormat): Promise<void> {
    const data = { startedAt: new Date(), format: toJson(format) };
    await this.database.logJob.updateMany({ where: { id, startedAt: null }, data });
  }

  part(id: string, index: number): Promise<RunnablePart | null> {
    return this.database.logJobPart.findFirst({
      where: { jobId: id, index, snapshot: null },
      select: { firstChunk: true, chunkCount: true, firstLine: true },
    });
  }

  /** The first partial result of a part stays. Resolves to whether all parts have one now. */
  async commitPart(id: string, index: number, snapshot: Uint8Array<ArrayBuffer>): Promise<boolean> {
    await this.database.logJobPart.updateMany({ where: { jobId: id, index, snapshot: null }, data: { snapshot } });
    return (await this.database.logJobPart.count({ where: { jobId: id, snapshot: null } })) === 0;
  }

  /** Partial results in their order. */
  async *snapshots(id: string, count: number): AsyncGenerator<Uint8Array, void> {
    for (let index = 0; index < count; index += 1) {
      const where = { jobId: id, index };
      const { snapshot } = await this.database.logJobPart.findFirstOrThrow({ where });
      if (!snapshot) throw new Error(`part ${index} of log job ${id} has no result`);
      yield snapshot;
    }
  }

  /** The first end of a job stays. Its log and partial results go. Resolves to whether this was it. */
  async finish(id: string, end: { result: AnalysisResponse } | { error: AppError } | { isCancelled: true }) {
    const finishedAt = new Date();
    const { count } = await this.database.logJob.updateMany({
      where: { id, finishedAt: null },
      data: {
        finishedAt,
        expiresAt: new Date(finishedAt.getTime() + KEPT_MS),
        ...('result' in end && { result: toJson(end.result) }),
        ...('error' in end && { error: { code: end.error.code, message: end.error.message } }),
        ...('isCancelled' in end && { cancelledAt: finishedAt }),
      },
    });
    await this.database.logUpload.deleteMany({ where: { id } });
    await this.database.logJobPart.updateMany({
      where: { jobId: id, snapshot: { not: null } },
      data: { snapshot: Buffer.alloc(0) },
    });
    return count === 1;
  }

  async isFinished(id: string): Promise<boolean> {
    return (await this.database.logJob.count({ where: { id, finishedAt: null } })) === 0;
  }

  async unfinishedIds(): Promise<string[]> {
    const where = { finishedAt: null, expiresAt: { gt: new Date() } };
    const rows = await this.database.logJob.findMany({ where, select: { id: true } });
    return rows.map(({ id }) => id);
  }

  async deleteExpired(): Promise<void> {
    await this.database.logJob.deleteMany({ where: { expiresAt: { lte: new Date() } } });
  }

  private async partsOf(jobId: string): Promise<DescribedPart[]> {
    const [all, done] = await Promise.all([
      this.database.logJobPart.findMany({ where: { jobId }, select: { index: true, lines: true } }),
      this.database.logJobPart.findMany({ where: { jobId, snapshot: { not: null } }, select: { index: true } }),
    ]);
    const doneIndexes = new Set(done.map(({ index }) => index));
    return all.map(({ index, lines }) => ({ lines, isDone: doneIndexes.has(index) }));
  }
}

function describe(row: Omit<JobRow, 'result'>, parts: DescribedPart[], result: AnalysisResponse | null): LogJob {
  const done = parts.filter(({ isDone }) => isDone);
  const isWhole = done.length === parts.length;
  return LogJob.parse({
    id: row.id,
    object: 'log_job',
    task: JobRequest.parse(row.request).task,
    status: statusOf(row),
    created_at: row.createdAt.toISOString(),
    finished_at: row.finishedAt?.toISOString() ?? null,
    expires_at: row.expiresAt.toISOString(),
    bytes: Number(row.bytes),
    progress: {
      lines: isWhole ? row.lines : done.reduce((sum, { lines }) => sum + lines, 0),
      lines_total: row.lines,
      parts: done.length,
      parts_total: parts.length,
    },
    result,
    error: row.error,
  });
}

function statusOf({ cancelledAt, finishedAt, startedAt, error }: Omit<JobRow, 'result'>): LogJob['status'] {
  if (cancelledAt) return 'cancelled';
  if (finishedAt) return error === null ? 'completed' : 'failed';
  return startedAt ? 'running' : 'queued';
}

/** Postgres takes every character but one. */
function toJson(value: object): Prisma.InputJsonValue {
  return JSON.parse(
    JSON.stringify(value, (_, member: unknown) => (typeof member === 'string' ? member.replaceAll('\0', '') : member)),
  );
}
