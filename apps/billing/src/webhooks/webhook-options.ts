export const WEBHOOK_OPTIONS = Symbol('webhook options');

export interface WebhookOptions {
  /** How often the outbox is looked at. */
  everyMs: number;
  /** Between the first attempt and the second. */
  retryFirstMs: number;
  /** Of one attempt. */
  timeoutMs: number;
  /** Whether receivers may have private addresses. */
  allowPrivate: boolean;
  /** Only these hosts; undefined for any. */
  allowedHosts: readonly string[] | undefined;
}
