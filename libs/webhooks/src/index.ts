export { recordEvent, webhookEventTypes, type WebhookEventType } from './record-event.js';
