import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

// The scheme of https://www.standardwebhooks.com: HMAC-SHA256 over "id.timestamp.body", so that receivers can use its libraries.

const SECRET_PREFIX = 'whsec_';
const SECRET_BYTES = 32;
/** How old or new a timestamp a receiver takes. */
const TOLERANCE_SECONDS = 300;

/** The headers of a signed message. A retry keeps its id, so that a receiver can tell that it has seen it. */
export interface SignedWebhook {
  'webhook-id': string;
  'webhook-timestamp': string;
  'webhook-signature': string;
}

/** `whsec_` and 256 random bits in base64. */
export function newWebhookSecret(): string {
  return `${SECRET_PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`;
}

/**
 * @param timestampSeconds Unix time at which this attempt is sent
 * @returns `v1,` and the signature in base64
 */
export function signWebhook(secret: string, id: string, timestampSeconds: number, body: string): string {
  const key = Buffer.from(secret.replace(SECRET_PREFIX, ''), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestampSeconds}.${body}`).digest('base64');
  return `v1,${signature}`;
}

/** Signed with every secret that is in force: during a rotation the receiver knows one of the two. */
export function webhookHeaders(
  secrets: readonly string[],
  id: string,
  timestampSeconds: number,
  body: string,
): SignedWebhook {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': secrets.map((secret) => signWebhook(secret, id, timestampSeconds, body)).join(' '),
  };
}

/** What a receiver does: is one of the signatures right, and is the message from the last five minutes? */
export function verifyWebhook(secret: string, headers: SignedWebhook, body: string, now = new Date()): boolean {
  const timestamp = Number(headers['webhook-timestamp']);
  if (!(Math.abs(now.getTime() / 1_000 - timestamp) <= TOLERANCE_SECONDS)) return false;
  const expected = Buffer.from(signWebhook(secret, headers['webhook-id'], timestamp, body));
  return headers['webhook-signature'].split(' ').some((candidate) => {
    const given = Buffer.from(candidate);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}
