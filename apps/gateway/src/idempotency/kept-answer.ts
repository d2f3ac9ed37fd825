import { AppError, WireError } from '@tollgate/contracts';
import { z } from 'zod';
import type { EndingAnswer } from '../http/answer-end.js';
import { parseJson } from '../http/parse-json.js';

const KEPT_BYTES_MAX = 4 * 1024 * 1024;

/** What a key's later requests get; `body` and `events` are as they were sent. */
const KeptAnswer = z.union([
  z.object({ body: z.string(), status: z.number().int().default(200) }),
  z.object({ events: z.array(z.string()) }),
  z.object({ error: WireError }),
]);
export type KeptAnswer = z.infer<typeof KeptAnswer>;

export interface StoredAnswer {
  status: number;
  json: string;
}

export function readAnswer(json: string): KeptAnswer {
  return KeptAnswer.parse(parseJson(json));
}

/** One that is too large is told as what it is, instead of being paid for a second time. */
export function storedAnswer({ status, body, events }: EndingAnswer): StoredAnswer {
  const json = JSON.stringify(events ? { events } : { body: body ?? '', status });
  if (Buffer.byteLength(json) <= KEPT_BYTES_MAX) return { status, json };
  return storedError(
    new AppError('reply_lost', 'The answer to this Idempotency-Key was too large to be kept; use a new key.'),
  );
}

/** Asking again with the same key cannot change it: no SDK should try. */
export function storedError(error: AppError): StoredAnswer {
  return { status: error.status, json: JSON.stringify({ error: { ...error.toWire(), retryable: false } }) };
}
