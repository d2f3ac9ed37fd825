const FIRST_DELAY_MS = 500;
const DELAY_MAX_MS = 8_000;
/** Whoever should wait longer gets the error, which says how long. */
export const WAIT_MAX_MS = 60_000;

/**
 * May the same request be sent again after this answer? The gateway says so itself with `x-should-retry`; without it the
 * statuses that OpenAI's clients retry. A request that is not safe to repeat is sent again only when the gateway says that it
 * may be, or has not begun it (429).
 */
export function isRetryable({ status, headers }: Response, isSafe: boolean): boolean {
  const said = headers.get('x-should-retry');
  if (said !== null) return said === 'true';
  if (!isSafe) return status === 429;
  return status === 408 || status === 409 || status === 429 || status >= 500;
}

/** How long to wait before the try after this one: as the gateway asks, else longer each time, with some chance in it. */
export function retryDelayMs(tried: number, headers?: Headers, random = Math.random): number {
  const asked = askedMs(headers);
  if (asked !== undefined) return asked;
  const delayMs = Math.min(DELAY_MAX_MS, FIRST_DELAY_MS * 2 ** (tried - 1));
  return delayMs * (0.75 + random() * 0.25);
}

function askedMs(headers: Headers | undefined): number | undefined {
  const value = headers?.get('retry-after');
  if (value === null || value === undefined) return undefined;
  const seconds = Number(value);
  const milliseconds = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(value) - Date.now();
  return milliseconds >= 0 ? milliseconds : undefined;
}

/** Rejects with the signal's reason as soon as it aborts. */
export function wait(milliseconds: number, signal = new AbortController().signal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(reasonOf(signal));
    const stop = () => {
      clearTimeout(timer);
      reject(reasonOf(signal));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal.addEventListener('abort', stop, { once: true });
  });
}

/** What an aborted call fails with. */
export function reasonOf({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new DOMException('The call was aborted.', 'AbortError');
}
