/** The last try is about a day after the first. */
export const ATTEMPTS_MAX = 14;

const LONGEST_MS = 4 * 3_600_000;
const JITTER = 0.2;

/**
 * How long to wait after so many failed attempts: twice as long each time, up to four hours, and a fifth more or less, so that
 * receivers that come back are not met by everything at once.
 *
 * @param firstMs after the first one
 */
export function retryDelayMs(attemptsMade: number, firstMs: number, random = Math.random): number {
  const delay = Math.min(firstMs * 2 ** (attemptsMade - 1), LONGEST_MS);
  return Math.round(delay * (1 + JITTER * (2 * random() - 1)));
}
