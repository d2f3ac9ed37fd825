import { AppError, type WebhookDelivery, type WebhookDeliveryList } from '@tollgate/contracts';
import { Database, type Prisma } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { ATTEMPTS_MAX } from './retry-delay.js';

const included = { event: true, attempts: { orderBy: { number: 'asc' } } } as const;
type Row = Prisma.WebhookDeliveryGetPayload<{ include: typeof included }>;

export interface DeliveryQuery {
  accountId: string;
  endpointId?: string | undefined;
  limit: number;
  after?: string | undefined;
}

/** What became of every event, for the account that it belongs to. */
@Injectable()
export class WebhookDeliveries {
  constructor(private readonly database: Database) {}

  /** The newest first. */
  async list({ accountId, endpointId, limit, after }: DeliveryQuery): Promise<WebhookDeliveryList> {
    const rows = await this.database.webhookDelivery.findMany({
      where: { accountId, endpointId, id: after === undefined ? undefined : { lt: after } },
      orderBy: { id: 'desc' },
      take: limit + 1,
      include: included,
    });
    const data = rows.slice(0, limit).map(described);
    return { object: 'list', data, has_more: rows.length > limit, last_id: data.at(-1)?.id ?? null };
  }

  /** Tries again at once, whatever became of it, and then as often as at first. Raises `not_found`. */
  async redeliver(transaction: Prisma.TransactionClient, accountId: string, id: string): Promise<WebhookDelivery> {
    const found = await transaction.webhookDelivery.findFirst({ where: { id, accountId } });
    if (!found) throw new AppError('not_found', 'There is no such delivery.');
    const row = await transaction.webhookDelivery.update({
      where: { id },
      data: {
        status: 'pending',
        attemptsMax: found.attemptsMade + ATTEMPTS_MAX,
        nextAttemptAt: new Date(),
        endedAt: null,
      },
      include: included,
    });
    return described(row);
  }

  /** An event for one endpoint, so that its owner sees whether it works. Raises `not_found`. */
  async sendTest(
    transaction: Prisma.TransactionClient,
    accountId: string,
    endpointId: string,
  ): Promise<WebhookDelivery> {
    const endpoint = await transaction.webhookEndpoint.findFirst({ where: { id: endpointId, accountId } });
    if (!endpoint) throw new AppError('not_found', 'There is no such webhook.');
    const event = {
      id: uuidv7(),
      accountId,
      type: 'webhook.test',
      data: { account_id: accountId },
      dispatchedAt: new Date(),
    };
    const delivery = { id: uuidv7(), accountId, attemptsMax: ATTEMPTS_MAX, endpoint: { connect: { id: endpointId } } };
    const row = await transaction.webhookDelivery.create({
      data: { ...delivery, event: { create: event } },
      include: included,
    });
    return described(row);
  }
}

function described(row: Row): WebhookDelivery {
  return {
    id: row.id,
    object: 'webhook_delivery',
    webhook_id: row.endpointId,
    event_id: row.eventId,
    event_type: row.event.type,
    status: row.status,
    attempts_made: row.attemptsMade,
    attempts_max: row.attemptsMax,
    next_attempt_at: row.status === 'pending' ? row.nextAttemptAt.toISOString() : null,
    created_at: row.createdAt.toISOString(),
    ended_at: row.endedAt?.toISOString() ?? null,
    attempts: row.attempts.map(({ at, durationMs, httpStatus, failure, answer }) => ({
      at: at.toISOString(),
      duration_ms: durationMs,
      http_status: httpStatus,
      failure,
      answer,
    })),
  };
}
