export { WebhookDeliveries, type DeliveryQuery } from './deliveries.js';
export { URL_RULES, WebhookEndpoints, type UrlRules } from './endpoints.js';
export { recordEvent, webhookEventTypes, type WebhookEventType } from './record-event.js';
export { ATTEMPTS_MAX, retryDelayMs } from './retry-delay.js';
export { WebhookSender, type DeliveryOutcome, type SenderOptions } from './sender.js';
