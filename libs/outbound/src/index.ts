export { OutboundClient, type OutboundOptions, type OutboundPost, type OutboundResponse } from './outbound-client.js';
export { OutboundFailure, type OutboundFailureReason } from './outbound-failure.js';
export {
  newWebhookSecret,
  signWebhook,
  verifyWebhook,
  webhookHeaders,
  type SignedWebhook,
} from './webhook-signature.js';
