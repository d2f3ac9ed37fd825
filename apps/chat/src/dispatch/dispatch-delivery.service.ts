import { Database, type ChatDispatch } from '@tollgate/database';
import { Logger } from '@tollgate/observability';
import { OutboundClient, OutboundFailure, webhookHeaders } from '@tollgate/outbound';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { metrics } from '../coordination/metrics.js';
import { auditOf } from './dispatch-audit.js';

export const DISPATCH_OPTIONS = Symbol('dispatch options');

export interface DispatchOptions {
  attemptsMax: number;
  /** Before the second attempt; doubled before each one after that. */
  backoffMs: number;
}

interface Outcome {
  kind: 'delivered' | 'refused' | 'failed';
  status: number | null;
  error: string | null;
}

/** One attempt to post an object, and what is known after it. */
@Injectable()
export class DispatchDelivery implements OnApplicationShutdown {
  constructor(
    private readonly database: Database,
    private readonly client: OutboundClient,
    private readonly logger: Logger,
    @Inject(DISPATCH_OPTIONS) private readonly options: DispatchOptions,
  ) {}

  onApplicationShutdown(): Promise<void> {
    return this.client.close();
  }

  /** How long to wait before the next attempt; undefined when there is none. */
  async attempt(id: string): Promise<number | undefined> {
    const where = { id, state: 'pending' } as const;
    // Counted before it is sent: one whose process dies on the way may have arrived.
    const { count } = await this.database.chatDispatch.updateMany({ where, data: { attempts: { increment: 1 } } });
    const row = count === 1 ? await this.database.chatDispatch.findFirst({ where }) : null;
    if (!row) return undefined;
    const outcome = await this.post(row);
    metrics.dispatches.inc({ outcome: outcome.kind });
    const isOver = outcome.kind !== 'failed' || row.attempts >= this.options.attemptsMax;
    const known = { lastStatus: outcome.status, lastError: outcome.error };
    if (isOver) {
      await this.finish(row, outcome.kind === 'delivered' ? 'delivered' : 'failed', known);
      return undefined;
    }
    await this.database.chatDispatch.updateMany({ where, data: known });
    return this.options.backoffMs * 2 ** (row.attempts - 1);
  }

  private async post({ id, url, body, secret }: ChatDispatch): Promise<Outcome> {
    const signed = webhookHeaders([secret], id, Math.floor(Date.now() / 1_000), body);
    const headers = { 'content-type': 'application/json', 'idempotency-key': id, ...signed };
    try {
      const { status } = await this.client.post(url, { headers, body });
      if (status >= 200 && status < 300) return { kind: 'delivered', status, error: null };
      const mayPass = status >= 500 || status === 408 || status === 425 || status === 429;
      return { kind: mayPass ? 'failed' : 'refused', status, error: `The API answered ${status}.` };
    } catch (error) {
      if (!(error instanceof OutboundFailure)) throw error;
      const mayPass = error.reason === 'unreachable' || error.reason === 'timeout';
      return { kind: mayPass ? 'failed' : 'refused', status: null, error: error.message };
    }
  }

  private async finish(
    row: ChatDispatch,
    state: 'delivered' | 'failed',
    known: { lastStatus: number | null; lastError: string | null },
  ): Promise<void> {
    const action = state === 'delivered' ? 'chat_dispatch.deliver' : 'chat_dispatch.fail';
    await this.database.$transaction(async (tx) => {
      const data = { state, ...known, finishedAt: new Date() };
      const { count } = await tx.chatDispatch.updateMany({ where: { id: row.id, state: 'pending' }, data });
      if (count === 0) return; // Deleted with its session.
      await tx.auditEntry.create({ data: auditOf({ ...row, state, ...known }, { action, actorUserId: null }) });
    });
    if (state === 'failed') this.logger.warn('A dispatch failed.', { dispatch_id: row.id, ...known });
  }
}
