import { setTimeout as sleep } from 'node:timers/promises';
import { isAppError, type AppError } from '@tollgate/contracts';

/** The AppError that the work fails with; anything else that it throws is thrown on, and success is a failure. */
export async function failureOf(work: Promise<unknown>): Promise<AppError> {
  try {
    await work;
  } catch (error) {
    if (isAppError(error)) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

/** The first value that is accepted; an Error with the last one when none is within `withinMs`. */
export async function eventually<T>(
  read: () => T | Promise<T>,
  accept: (value: T) => boolean,
  withinMs = 3_000,
): Promise<T> {
  const giveUpAt = Date.now() + withinMs;
  for (;;) {
    const value = await read();
    if (accept(value)) return value;
    if (Date.now() > giveUpAt) throw new Error(`not within ${withinMs} ms; last seen: ${print(value)}`);
    await sleep(10);
  }
}

function print(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
}
