import { z } from 'zod';

const WebhookEventType = z.enum(['usage.threshold_reached', 'invoice.finalized', 'webhook.test']);

const url = z.string().max(2_000).meta({ example: 'https://hooks.example.com/tollgate' });
const event_types = z
  .array(WebhookEventType)
  .max(10)
  .meta({ example: ['usage.threshold_reached'], description: 'Empty for all of them.' });
const description = z.string().max(200);

export const CreateWebhookRequest = z.strictObject({
  url,
  event_types: event_types.default([]),
  description: description.default(''),
});
export type CreateWebhookRequest = z.infer<typeof CreateWebhookRequest>;

export const UpdateWebhookRequest = z.strictObject({
  url: url.optional(),
  event_types: event_types.optional(),
  description: description.optional(),
  disabled: z.boolean().optional(),
});
export type UpdateWebhookRequest = z.infer<typeof UpdateWebhookRequest>;

export const Webhook = z.object({
  id: z.uuid(),
  object: z.literal('webhook'),
  account_id: z.uuid(),
  url,
  event_types: z.array(z.string()),
  description,
  disabled: z.boolean(),
  created_at: z.iso.datetime(),
  /** Until when the secret before the last rotation signs, too. */
  previous_secret_until: z.iso.datetime().nullable(),
});
export type Webhook = z.infer<typeof Webhook>;

export const WebhookList = z.object({ object: z.literal('list'), data: z.array(Webhook) });
export type WebhookList = z.infer<typeof WebhookList>;

/** The secret is shown here and never again. */
export const WebhookWithSecret = Webhook.extend({ secret: z.string().meta({ example: 'whsec_…' }) });
export type WebhookWithSecret = z.infer<typeof WebhookWithSecret>;

export const WebhookDelivery = z.object({
  id: z.uuid(),
  object: z.literal('webhook_delivery'),
  webhook_id: z.uuid(),
  /** What the receiver sees as `webhook-id`. */
  event_id: z.uuid(),
  event_type: z.string(),
  status: z.enum(['pending', 'delivered', 'given_up']),
  attempts_made: z.number().int(),
  attempts_max: z.number().int(),
  /** Of a pending one. */
  next_attempt_at: z.iso.datetime().nullable(),
  created_at: z.iso.datetime(),
  ended_at: z.iso.datetime().nullable(),
  /** The newest last. */
  attempts: z.array(
    z.object({
      at: z.iso.datetime(),
      duration_ms: z.number().int(),
      http_status: z.number().int().nullable(),
      failure: z.string().nullable(),
      /** The beginning of what the receiver answered. */
      answer: z.string(),
    }),
  ),
});
export type WebhookDelivery = z.infer<typeof WebhookDelivery>;

export const WebhookDeliveryList = z.object({
  object: z.literal('list'),
  data: z.array(WebhookDelivery),
  has_more: z.boolean(),
  last_id: z.uuid().nullable(),
});
export type WebhookDeliveryList = z.infer<typeof WebhookDeliveryList>;
