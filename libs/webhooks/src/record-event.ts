import type { Prisma } from '@tollgate/database';
import { v7 as uuidv7 } from 'uuid';

/** What endpoints can hear of. `usage.threshold_reached` is written by the trigger usage_attempt_notes_alerts. */
export const webhookEventTypes = ['usage.threshold_reached', 'invoice.finalized', 'webhook.test'] as const;
export type WebhookEventType = (typeof webhookEventTypes)[number];

/** Says that something happened, in the transaction in which it does: it will be delivered if and only if that commits. */
export async function recordEvent(
  transaction: Prisma.TransactionClient,
  accountId: string,
  type: WebhookEventType,
  data: Prisma.InputJsonObject,
): Promise<string> {
  const { id } = await transaction.webhookEvent.create({ data: { id: uuidv7(), accountId, type, data } });
  return id;
}
