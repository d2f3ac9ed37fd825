import {
  AppError,
  BatchResult,
  Caller,
  CompletionRequest,
  type Batch,
  type CreateBatchRequest,
} from '@tollgate/contracts';
import { BatchPromptStatus, Database, Prisma, type Batch as BatchRow } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import { emptyResult } from './batch-result.js';

const KEPT_MS = 24 * 3_600_000;
/** A batch that nobody could finish for so long is given up. */
const UNFINISHED_KEPT_MS = 7 * 24 * 3_600_000;
const LISTED_MAX = 100;
/** Results that are read at once: a page of the largest answers must not fill the memory. */
const PAGE_RESULTS = 50;

const Settings = CompletionRequest.omit({ messages: true });

/** What is needed to ask the prompts of a batch. */
export interface RunnableBatch {
  id: string;
  caller: Caller;
  isFinished: boolean;
  /** The request for one of its prompts. */
  requestFor: (prompt: string) => CompletionRequest;
}

/** Batches, their prompts and results in Postgres. A result is committed once and never changed. */
@Injectable()
export class BatchStore {
  constructor(private readonly database: Database) {}

  async create(caller: Caller, body: CreateBatchRequest): Promise<Batch> {
    const id = uuidv7();
    const prompts = body.prompts.map((prompt, index) => ({ batchId: id, index, prompt: storable(prompt) }));
    const [row] = await this.database.$transaction(
      async (tx) =>
        [
          await tx.batch.create({
            data: {
              id,
              accountId: caller.account_id,
              caller,
              settings: toJson(settingsOf(body)),
              system: body.system ? storable(body.system) : null,
              total: prompts.length,
              expiresAt: new Date(Date.now() + UNFINISHED_KEPT_MS),
            },
          }),
          await tx.batchPrompt.createMany({ data: prompts }),
        ] as const,
    );
    return this.describe(row);
  }

  /** Raises `not_found` also for a batch of another account. */
  async get(accountId: string, id: string): Promise<Batch> {
    return this.describe(await this.find(accountId, id));
  }

  async list(accountId: string): Promise<Batch[]> {
    const rows = await this.database.batch.findMany({
      where: { accountId, expiresAt: { gt: new Date() } },
      orderBy: { createdAt: 'desc' },
      take: LISTED_MAX,
    });
    return Promise.all(rows.map((row) => this.describe(row)));
  }

  async *results(
    accountId: string,
    { id, offset, limit }: { id: string; offset: number; limit: number },
  ): AsyncGenerator<BatchResult, void> {
    await this.find(accountId, id);
    for (let from = offset; from < offset + limit; from += PAGE_RESULTS) {
      const rows = await this.database.batchPrompt.findMany({
        where: {
          batchId: id,
          index: { gte: from, lt: Math.min(from + PAGE_RESULTS, offset + limit) },
          status: { not: 'pending' },
        },
        orderBy: { index: 'asc' },
      });
      for (const { index, result } of rows) {
        yield result === null ? emptyResult(index, 'cancelled') : BatchResult.parse(result);
      }
    }
  }

  /** Undefined when it is not there any more. */
  async load(id: string): Promise<RunnableBatch | undefined> {
    const row = await this.database.batch.findFirst({ where: { id } });
    if (!row) return undefined;
    const settings = Settings.parse(row.settings);
    const { system } = row;
    return {
      id,
      caller: Caller.parse(row.caller),
      isFinished: row.finishedAt !== null,
      requestFor: (prompt) => ({
        ...settings,
        messages: [
          ...(system === null ? [] : [{ role: 'system' as const, content: system }]),
          { role: 'user', content: prompt },
        ],
      }),
    };
  }

  /** Is no older batch of its account unfinished? One after the other they keep to the limits of one caller. */
  async isNext({ id, caller }: RunnableBatch): Promise<boolean> {
    const where = { accountId: caller.account_id, finishedAt: null, id: { lt: id }, expiresAt: { gt: new Date() } };
    return (await this.database.batch.count({ where })) === 0;
  }

  async start(id: string): Promise<void> {
    await this.database.batch.updateMany({ where: { id, startedAt: null }, data: { startedAt: new Date() } });
  }

  async pendingIndexes(id: string): Promise<number[]> {
    const where = { batchId: id, status: BatchPromptStatus.pending };
    const rows = await this.database.batchPrompt.findMany({
      where,
      select: { index: true },
      orderBy: { index: 'asc' },
    });
    return rows.map(({ index }) => index);
  }

  /** Undefined when the prompt has a result, or will not get one. */
  async pendingPrompt(id: string, index: number): Promise<string | undefined> {
    const row = await this.database.batchPrompt.findFirst({ where: { batchId: id, index, status: 'pending' } });
    return row?.prompt;
  }

  /** The caller by the plan and role of now, or why they may not call any more. */
  async callerNow({ user_id: userId }: Caller): Promise<Caller | 'gone' | 'suspended'> {
    const user = await this.database.user.findFirst({ where: { id: userId }, include: { account: true } });
    if (!user) return 'gone';
    if (user.disabledAt || user.account.suspendedAt) return 'suspended';
    return { account_id: user.accountId, user_id: user.id, tier: user.account.planCode, role: user.role };
  }

  /** The first result of a prompt stays. An answer that came although its batch was cancelled is kept: it was paid for. */
  async commit(id: string, result: BatchResult): Promise<void> {
    const replaced: BatchPromptStatus[] = result.status === 'completed' ? ['pending', 'cancelled'] : ['pending'];
    await this.database.batchPrompt.updateMany({
      where: { batchId: id, index: result.index, status: { in: replaced } },
      data: { status: result.status, result: toJson(result) },
    });
  }

  /**
   * From now on no prompt is pending; what is being asked is given up by whoever asks it, within a second. Results stay. Raises
   * `not_found`.
   */
  async cancel(accountId: string, id: string): Promise<Batch> {
    await this.find(accountId, id);
    const now = new Date();
    await this.database.$transaction(
      async (tx) =>
        [
          await tx.batch.updateMany({
            where: { id, finishedAt: null },
            data: { cancelledAt: now, ...endAt(now) },
          }),
          await tx.batchPrompt.updateMany({
            where: { batchId: id, status: 'pending', batch: { cancelledAt: { not: null } } },
            data: { status: 'cancelled' },
          }),
        ] as const,
    );
    return this.get(accountId, id);
  }

  async isCancelled(id: string): Promise<boolean> {
    return (await this.database.batch.count({ where: { id, cancelledAt: null } })) === 0;
  }

  /** From now on its results are kept for 24 hours. */
  async finish(id: string): Promise<void> {
    await this.database.batch.updateMany({ where: { id, finishedAt: null }, data: endAt(new Date()) });
  }

  async unfinishedIds(): Promise<string[]> {
    const rows = await this.database.batch.findMany({
      where: { finishedAt: null, expiresAt: { gt: new Date() } },
      select: { id: true },
    });
    return rows.map(({ id }) => id);
  }

  async deleteExpired(): Promise<void> {
    await this.database.batch.deleteMany({ where: { expiresAt: { lte: new Date() } } });
  }

  private async find(accountId: string, id: string): Promise<BatchRow> {
    const row = await this.database.batch.findFirst({ where: { id, accountId, expiresAt: { gt: new Date() } } });
    if (!row) throw new AppError('not_found', 'There is no such batch.');
    return row;
  }

  private async describe(row: BatchRow): Promise<Batch> {
    const groups = await this.database.batchPrompt.groupBy({
      by: ['status'],
      where: { batchId: row.id },
      _count: { _all: true },
    });
    const count = (status: BatchPromptStatus) => groups.find((group) => group.status === status)?._count._all ?? 0;
    return {
      id: row.id,
      object: 'batch',
      status: statusOf(row),
      model: Settings.parse(row.settings).model ?? null,
      created_at: row.createdAt.toISOString(),
      finished_at: row.finishedAt?.toISOString() ?? null,
      expires_at: row.expiresAt.toISOString(),
      progress: {
        total: row.total,
        pending: count('pending'),
        completed: count('completed'),
        failed: count('failed'),
        cancelled: count('cancelled'),
      },
    };
  }
}

function endAt(finishedAt: Date) {
  return { finishedAt, expiresAt: new Date(finishedAt.getTime() + KEPT_MS) };
}

function statusOf({ cancelledAt, finishedAt, startedAt }: BatchRow): Batch['status'] {
  if (cancelledAt) return 'cancelled';
  if (finishedAt) return 'completed';
  return startedAt ? 'running' : 'queued';
}

function settingsOf(body: CreateBatchRequest): z.infer<typeof Settings> {
  return {
    task: 'batch',
    model: body.model ?? undefined,
    max_tokens: body.max_tokens ?? undefined,
    temperature: body.temperature ?? undefined,
    top_p: body.top_p ?? undefined,
    response_format: body.response_format,
    cache: { use: body.use_cache ?? undefined },
  };
}

/** Postgres takes every character but this one. */
function storable(text: string): string {
  return text.replaceAll('\0', '');
}

function toJson(value: object): Prisma.InputJsonValue {
  return JSON.parse(storable(JSON.stringify(value)).replaceAll('\\u0000', ''));
}
