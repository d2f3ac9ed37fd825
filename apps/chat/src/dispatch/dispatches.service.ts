import {
  AppError,
  dispatchNotFound,
  listDispatches,
  type Caller,
  type ChatDispatch,
  type ChatDispatchPage,
  type InputOf,
  type RegisteredChatSchema,
} from '@tollgate/contracts';
import { Database, type Prisma } from '@tollgate/database';
import { OutboundClient } from '@tollgate/outbound';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { decodeCursor, pageOf, TimeCursor } from '../sessions/pages.js';
import { ownedBy } from '../sessions/shapes.js';
import { auditOf } from './dispatch-audit.js';
import { DispatchQueue } from './dispatch-queue.service.js';
import { dispatchShape } from './dispatch-shape.js';
import { targetUrlOf } from './target-url.js';

/** Where an object goes, and how its receiver knows who sent it. */
export interface Destination {
  schema: { name: string; version: number };
  url: string;
  secret: string;
  dryRun: boolean;
  /** Why it would not be sent. */
  refusal: string | null;
}

export interface DispatchOrigin {
  sessionId: string | undefined;
  caller: Caller;
  requestId: string;
}

/** Generated objects on their way to other APIs: kept and audited first, posted by the queue. */
@Injectable()
export class Dispatches {
  constructor(
    private readonly database: Database,
    private readonly client: OutboundClient,
    private readonly queue: DispatchQueue,
  ) {}

  /** Raises `invalid_request` for a schema without a URL, and unless it is a dry run for a URL that may not be called. */
  destinationOf(wanted: { registered?: RegisteredChatSchema; secret?: string; dryRun: boolean }): Destination {
    const { registered, secret, dryRun } = wanted;
    const url = targetUrlOf(registered?.target);
    if (!registered || !url || !secret) throw refused('the schema is not registered with a URL as its target');
    const refusal = this.refusalOf(url);
    if (refusal !== null && !dryRun) throw refused(refusal);
    return { schema: { name: registered.name, version: registered.version }, url, secret, dryRun, refusal };
  }

  async create(data: unknown, destination: Destination, origin: DispatchOrigin): Promise<ChatDispatch> {
    const { schema, url, secret, dryRun, refusal } = destination;
    const dispatch: Prisma.ChatDispatchUncheckedCreateInput & { body: string } = {
      id: uuidv7(),
      ...ownedBy(origin.caller),
      sessionId: origin.sessionId,
      schemaName: schema.name,
      schemaVersion: schema.version,
      url,
      body: JSON.stringify(data),
      secret,
      state: dryRun ? 'dry_run' : 'pending',
      lastError: refusal,
      requestId: origin.requestId,
    };
    const [row] = await this.database.$transaction(
      async (tx) =>
        [
          await tx.chatDispatch.create({ data: dispatch }),
          await tx.auditEntry.create({
            data: auditOf(dispatch, { action: 'chat_dispatch.create', actorUserId: origin.caller.user_id }),
          }),
        ] as const,
    );
    if (!dryRun) await this.queue.add(row.id);
    return dispatchShape(row);
  }

  /** What is on its way or has arrived stays as it is. */
  async send(id: string, caller: Caller, requestId: string): Promise<ChatDispatch> {
    const { state, url } = await this.find(id, caller);
    if (state === 'pending' || state === 'delivered') return this.get(id, caller);
    const refusal = this.refusalOf(url);
    if (refusal !== null) throw refused(refusal);
    const fresh = { state: 'pending', attempts: 0, lastStatus: null, lastError: null, finishedAt: null } as const;
    await this.database.$transaction(async (tx) => {
      const { count } = await tx.chatDispatch.updateMany({ where: { id, state }, data: { ...fresh, requestId } });
      if (count === 0) return; // Somebody else has sent it.
      const row = await tx.chatDispatch.findUniqueOrThrow({ where: { id } });
      const audited = auditOf(row, { action: 'chat_dispatch.send', actorUserId: caller.user_id });
      await tx.auditEntry.create({ data: audited });
    });
    await this.queue.add(id);
    return this.get(id, caller);
  }

  async get(id: string, caller: Caller): Promise<ChatDispatch> {
    return dispatchShape(await this.find(id, caller));
  }

  async list({ limit, cursor, state }: InputOf<typeof listDispatches>, caller: Caller): Promise<ChatDispatchPage> {
    const rows = await this.database.chatDispatch.findMany({
      where: { ...ownedBy(caller), state, AND: cursor ? olderThan(cursor) : {} },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      take: limit + 1,
    });
    return pageOf(rows, limit, {
      shape: dispatchShape,
      cursor: ({ createdAt, id }) => [createdAt.toISOString(), id],
    });
  }

  private async find(id: string, caller: Caller) {
    const row = await this.database.chatDispatch.findFirst({ where: { id, ...ownedBy(caller) } });
    if (!row) throw dispatchNotFound();
    return row;
  }

  /** The name is only looked up when it is called; then all of this is checked again. */
  private refusalOf(url: string): string | null {
    try {
      this.client.check(url);
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : 'This URL may not be called.';
    }
  }
}

function refused(reason: string): AppError {
  return new AppError('invalid_request', `dispatch: ${reason}`, { param: 'dispatch' });
}

function olderThan(cursor: string): Prisma.ChatDispatchWhereInput {
  const [createdAt, id] = decodeCursor(TimeCursor, cursor);
  return { OR: [{ createdAt: { lt: createdAt } }, { createdAt, id: { lt: id } }] };
}
