import type {
  Caller,
  CreateWebhookRequest,
  UpdateWebhookRequest,
  Webhook,
  WebhookDelivery,
  WebhookWithSecret,
} from '@tollgate/contracts';
import { Database, type Prisma } from '@tollgate/database';
import { WebhookDeliveries, WebhookEndpoints } from '@tollgate/webhooks';
import { Injectable } from '@nestjs/common';
import { AuditLog } from '../admin/audit-log.js';

/** Changes of an account's webhooks, each with its entry in the audit log; secrets stand in none. */
@Injectable()
export class WebhooksService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly endpoints: WebhookEndpoints,
    private readonly deliveries: WebhookDeliveries,
  ) {}

  create(caller: Caller, request: CreateWebhookRequest): Promise<WebhookWithSecret> {
    return this.database.$transaction(async (tx) => {
      const created = await this.endpoints.create(tx, caller.account_id, request);
      await this.record(tx, 'webhook.create', created.id, caller, { after: withoutSecret(created) });
      return created;
    });
  }

  update(caller: Caller, id: string, request: UpdateWebhookRequest): Promise<Webhook> {
    return this.database.$transaction(async (tx) => {
      const { before, after } = await this.endpoints.update(tx, caller.account_id, id, request);
      await this.record(tx, 'webhook.update', id, caller, { before, after });
      return after;
    });
  }

  rotateSecret(caller: Caller, id: string): Promise<WebhookWithSecret> {
    return this.database.$transaction(async (tx) => {
      const rotated = await this.endpoints.rotateSecret(tx, caller.account_id, id);
      await this.record(tx, 'webhook.rotate_secret', id, caller, { after: withoutSecret(rotated) });
      return rotated;
    });
  }

  async delete(caller: Caller, id: string): Promise<void> {
    await this.database.$transaction(async (tx) => {
      const before = await this.endpoints.delete(tx, caller.account_id, id);
      await this.record(tx, 'webhook.delete', id, caller, { before });
    });
  }

  sendTest(caller: Caller, id: string): Promise<WebhookDelivery> {
    return this.database.$transaction(async (tx) => {
      const delivery = await this.deliveries.sendTest(tx, caller.account_id, id);
      await this.record(tx, 'webhook.test', id, caller, {});
      return delivery;
    });
  }

  redeliver(caller: Caller, id: string): Promise<WebhookDelivery> {
    return this.database.$transaction(async (tx) => {
      const delivery = await this.deliveries.redeliver(tx, caller.account_id, id);
      await this.record(tx, 'webhook.redeliver', delivery.webhook_id, caller, { after: { delivery_id: id } });
      return delivery;
    });
  }

  private record(
    tx: Prisma.TransactionClient,
    action: string,
    id: string,
    { account_id: accountId }: Caller,
    change: { before?: Prisma.InputJsonObject; after?: Prisma.InputJsonObject },
  ): Promise<void> {
    return this.audit.record(tx, { action, subject: `webhook:${id}`, accountId, ...change });
  }
}

function withoutSecret(created: WebhookWithSecret): Webhook {
  const { secret: _, ...webhook } = created;
  return webhook;
}
