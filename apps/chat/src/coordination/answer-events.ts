import { WireError } from '@tollgate/contracts';
import { Inject, Injectable } from '@nestjs/common';
import { ChatRedis, keys } from './chat-redis.js';

export const TURN_OPTIONS = Symbol('turn options');

export interface TurnOptions {
  /** How long a message waits for the one before it. */
  waitMs: number;
  /** How long an answer goes on without a reader. */
  graceMs: number;
  /** How long the events of an answer are kept after the last one. */
  replayMs: number;
}

/** Who reads an answer says so this often; the grace period begins when two signs in a row have not come. */
export const READER_SIGN_MS = 1_000;

/** A place in Redis for one answer. */
export interface AnswerAddress {
  sessionId: string;
  messageId: string;
}

export type AnswerEvent =
  | { kind: 'start' }
  /** `offset` is the length of the answer with this text at its end. */
  | { kind: 'delta'; offset: number; text: string }
  /** Nothing comes after it. Without an error, how it ended stands in Postgres. */
  | { kind: 'seal'; error?: WireError };

/** Behind every offset; nothing can be appended after it. */
const SEAL_ID = `${Number.MAX_SAFE_INTEGER}-0`;
const START_ID = '0-1';
const READ_COUNT = 256;
/** No answer takes longer. */
const ANSWER_MS_MAX = 3_600_000;
/** How long a deleted answer refuses writers that have not heard of it. */
const TOMBSTONE_MS = 60_000;

/**
 * The answer as a Redis stream that outlives its readers. The id of an event is the length of the answer so far, so that a
 * reader resumes at a character, from here or from the stored text alike.
 */
@Injectable()
export class AnswerEvents {
  constructor(
    private readonly redis: ChatRedis,
    @Inject(TURN_OPTIONS) private readonly options: TurnOptions,
  ) {}

  async start(address: AnswerAddress): Promise<void> {
    await this.append(address, START_ID, 'start', '');
  }

  /** @throws Error when the answer has been sealed: somebody else took the turn for dead */
  async delta(address: AnswerAddress, offset: number, text: string): Promise<void> {
    await this.append(address, `${offset}-1`, 'delta', text);
  }

  /** The end, once: whoever seals first wins, and the others' text is not part of the answer. */
  async seal(address: AnswerAddress, error?: WireError): Promise<void> {
    try {
      await this.append(address, SEAL_ID, 'seal', error ? JSON.stringify(error) : '');
    } catch (thrown) {
      if (!isSealed(thrown)) throw thrown;
    }
  }

  /** Those behind the offset; from the very first one without it. */
  async after({ sessionId, messageId }: AnswerAddress, offset: number | undefined): Promise<AnswerEvent[]> {
    const from = offset === undefined ? '-' : `(${offset}-1`;
    const entries = await this.redis.commands.xrange(keys.events(sessionId, messageId), from, '+', 'COUNT', READ_COUNT);
    return entries.map(([id, [kind = '', value = '']]) => eventOf(id, kind, value));
  }

  /** All that any reader can have seen. */
  async text(address: AnswerAddress): Promise<string> {
    let text = '';
    for (;;) {
      const deltas = (await this.after(address, text.length)).filter((event) => event.kind === 'delta');
      if (deltas.length === 0) return text;
      for (const delta of deltas) text += delta.text;
    }
  }

  /** Leaves no text, and lets nobody write any. */
  async erase({ sessionId, messageId }: AnswerAddress): Promise<void> {
    const key = keys.events(sessionId, messageId);
    const watched = [keys.followed(sessionId, messageId), keys.stop(sessionId, messageId)];
    await this.redis.commands
      .multi()
      .del(key, ...watched)
      .xadd(key, SEAL_ID, 'seal', '')
      .pexpire(key, TOMBSTONE_MS)
      .exec();
  }

  /** A reader is there: keeps the answer going for the grace period. */
  async markFollowed({ sessionId, messageId }: AnswerAddress): Promise<void> {
    const aliveMs = this.options.graceMs + 2 * READER_SIGN_MS;
    await this.redis.commands.set(keys.followed(sessionId, messageId), '', 'PX', aliveMs);
  }

  async requestStop({ sessionId, messageId }: AnswerAddress): Promise<void> {
    const stop = keys.stop(sessionId, messageId);
    await this.redis.commands.multi().set(stop, '', 'PX', TOMBSTONE_MS).publish(stop, '').exec();
  }

  /** Answers that began before have no events any more: even one of an hour keeps them only for the replay time. */
  oldestKept(now = Date.now()): Date {
    return new Date(now - this.options.replayMs - ANSWER_MS_MAX);
  }

  private async append({ sessionId, messageId }: AnswerAddress, id: string, kind: string, value: string) {
    await this.redis.commands.appendEvent(keys.events(sessionId, messageId), this.options.replayMs, id, kind, value);
  }
}

function eventOf(id: string, kind: string, value: string): AnswerEvent {
  if (kind === 'delta') return { kind, offset: Number.parseInt(id, 10), text: value };
  if (kind === 'start') return { kind };
  return { kind: 'seal', error: value ? WireError.parse(JSON.parse(value)) : undefined };
}

/** Redis refuses an id that is not above the last one. */
function isSealed(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.message.includes('equal or smaller');
}
