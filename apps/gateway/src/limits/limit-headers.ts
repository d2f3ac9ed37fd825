/** One quota as the client should see it. */
export interface Quota {
  name: string;
  max: number;
  used: number;
  /** Milliseconds until some of it is there again. */
  endsInMs: number;
  /** Length of its window in seconds; a quota of concurrent requests has none. */
  windowSeconds?: number;
}

/**
 * `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11), and OpenAI's `x-ratelimit-*-requests` for the
 * first quota. There are none for tokens: those are held and settled while the call runs, and refused with 402.
 */
export function limitHeaders(quotas: readonly [Quota, ...Quota[]]): Record<string, string> {
  const [first] = quotas;
  return {
    'ratelimit-policy': quotas.map(policyOf).join(', '),
    ratelimit: quotas.map((quota) => `"${quota.name}";r=${remaining(quota)};t=${seconds(quota.endsInMs)}`).join(', '),
    'x-ratelimit-limit-requests': String(first.max),
    'x-ratelimit-remaining-requests': String(remaining(first)),
    'x-ratelimit-reset-requests': goDuration(first.endsInMs),
  };
}

export const limitHeaderNames = [
  'ratelimit-policy',
  'ratelimit',
  'x-ratelimit-limit-requests',
  'x-ratelimit-remaining-requests',
  'x-ratelimit-reset-requests',
];

/** As OpenAI writes it: `12ms`, `1.5s`, `6m0s`. */
export function goDuration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.ceil(ms))}ms`;
  const minutes = Math.floor(ms / 60_000);
  const rest = `${Math.ceil((ms - minutes * 60_000) / 100) / 10}s`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}

function policyOf({ name, max, windowSeconds }: Quota): string {
  const unit = windowSeconds === undefined ? 'qu="concurrent-requests"' : `w=${windowSeconds}`;
  return `"${name}";q=${max};${unit}`;
}

function remaining({ max, used }: Quota): number {
  return Math.max(0, max - used);
}

function seconds(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1_000));
}
