import {
  AppError,
  type CreateWebhookRequest,
  type UpdateWebhookRequest,
  type Webhook,
  type WebhookWithSecret,
} from '@tollgate/contracts';
import { Database, type Prisma, type WebhookEndpoint } from '@tollgate/database';
import { newWebhookSecret, OutboundFailure, type OutboundClient } from '@tollgate/outbound';
import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';

export const URL_RULES = Symbol('what a URL must be to be registered');

/** `OutboundClient.check`, and whether the URL must be https. */
export interface UrlRules {
  client: Pick<OutboundClient, 'check'>;
  httpsOnly: boolean;
}

const ENDPOINTS_OF_AN_ACCOUNT_MAX = 10;
/** How long the secret before a rotation goes on signing. */
const ROTATION_MS = 24 * 3_600_000;

/** Where an account wants to hear of events. What changes does so in the caller's transaction. */
@Injectable()
export class WebhookEndpoints {
  constructor(
    private readonly database: Database,
    @Inject(URL_RULES) private readonly rules: UrlRules,
  ) {}

  async list(accountId: string): Promise<Webhook[]> {
    const rows = await this.database.webhookEndpoint.findMany({ where: { accountId }, orderBy: { id: 'desc' } });
    return rows.map(describedEndpoint);
  }

  /** Raises `invalid_request` for a URL that may not be called, or when the account has as many as it may. */
  async create(
    transaction: Prisma.TransactionClient,
    accountId: string,
    request: CreateWebhookRequest,
  ): Promise<WebhookWithSecret> {
    this.checkUrl(request.url);
    // Creations of one account take turns, so that none is counted too late.
    await transaction.$executeRaw`SELECT FROM account WHERE id = ${accountId}::uuid FOR UPDATE`;
    if ((await transaction.webhookEndpoint.count({ where: { accountId } })) >= ENDPOINTS_OF_AN_ACCOUNT_MAX) {
      const message = `An account has at most ${ENDPOINTS_OF_AN_ACCOUNT_MAX} webhooks; delete one first.`;
      throw new AppError('invalid_request', message);
    }
    const { url, description, event_types: eventTypes } = request;
    const data = { id: uuidv7(), accountId, url, description, eventTypes, secret: newWebhookSecret() };
    const row = await transaction.webhookEndpoint.create({ data });
    return { ...describedEndpoint(row), secret: row.secret };
  }

  /** Raises `not_found`, also for another account's, and `invalid_request`. */
  async update(
    transaction: Prisma.TransactionClient,
    accountId: string,
    id: string,
    { url, description, event_types: eventTypes, disabled }: UpdateWebhookRequest,
  ): Promise<{ before: Webhook; after: Webhook }> {
    if (url !== undefined) this.checkUrl(url);
    const before = await this.find(transaction, accountId, id);
    const disabledAt = disabled === undefined ? undefined : disabled ? (before.disabledAt ?? new Date()) : null;
    const data = { url, description, eventTypes, disabledAt };
    const after = await transaction.webhookEndpoint.update({ where: { id }, data });
    return { before: describedEndpoint(before), after: describedEndpoint(after) };
  }

  /** A new secret at once; for a day the one before signs, too, so that a receiver can be changed meanwhile. Raises `not_found`. */
  async rotateSecret(transaction: Prisma.TransactionClient, accountId: string, id: string): Promise<WebhookWithSecret> {
    const before = await this.find(transaction, accountId, id);
    const previousSecretUntil = new Date(Date.now() + ROTATION_MS);
    const data = { secret: newWebhookSecret(), previousSecret: before.secret, previousSecretUntil };
    const row = await transaction.webhookEndpoint.update({ where: { id }, data });
    return { ...describedEndpoint(row), secret: row.secret };
  }

  /** With its deliveries. Raises `not_found`. */
  async delete(transaction: Prisma.TransactionClient, accountId: string, id: string): Promise<Webhook> {
    const before = await this.find(transaction, accountId, id);
    await transaction.webhookEndpoint.delete({ where: { id } });
    return describedEndpoint(before);
  }

  private async find(transaction: Prisma.TransactionClient, accountId: string, id: string): Promise<WebhookEndpoint> {
    const row = await transaction.webhookEndpoint.findFirst({ where: { id, accountId } });
    if (!row) throw new AppError('not_found', 'There is no such webhook.');
    return row;
  }

  private checkUrl(url: string): void {
    const refused = (message: string) => new AppError('invalid_request', `url: ${message}`, { param: 'url' });
    try {
      const { protocol } = this.rules.client.check(url);
      if (this.rules.httpsOnly && protocol !== 'https:') throw refused('must be https://');
    } catch (error) {
      if (error instanceof OutboundFailure) throw refused(error.message);
      throw error;
    }
  }
}

function describedEndpoint(row: WebhookEndpoint): Webhook {
  return {
    id: row.id,
    object: 'webhook',
    account_id: row.accountId,
    url: row.url,
    event_types: row.eventTypes,
    description: row.description,
    disabled: row.disabledAt !== null,
    created_at: row.createdAt.toISOString(),
    previous_secret_until: row.previousSecretUntil?.toISOString() ?? null,
  };
}
