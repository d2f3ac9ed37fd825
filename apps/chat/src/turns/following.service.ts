import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, chatNotFound, type ChatTurnEvent } from '@tollgate/contracts';
import { Injectable } from '@nestjs/common';
import { AnswerEvents, READER_SIGN_MS, type AnswerEvent } from '../coordination/answer-events.js';
import { Bells } from '../coordination/bells.js';
import { keys } from '../coordination/chat-redis.js';
import { messageShape } from '../sessions/shapes.js';
import { TurnStore } from './turn-store.js';

/** Without news for so long it asks whether the answer has ended without a word. */
const IDLE_MS = READER_SIGN_MS;
/** Between the row of an answer that has ended and the event that says so. */
const SEALED_WITHIN_MS = 1_000;

export interface Followed {
  sessionId: string;
  userMessageId: string;
  messageId: string;
}

/** What one reader has of an answer. */
interface Progress {
  isStarted: boolean;
  /** Characters. */
  seen: number;
}

/** Reads an answer on any replica, from any character on, while it is written and after. */
@Injectable()
export class Following {
  constructor(
    private readonly store: TurnStore,
    private readonly events: AnswerEvents,
    private readonly bells: Bells,
  ) {}

  /** Yields nothing before the answer begins, so that a refusal is an error and no stream. */
  async *follow(
    followed: Followed,
    after: number | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<ChatTurnEvent, void> {
    const progress: Progress = { isStarted: after !== undefined, seen: after ?? 0 };
    const bell = await this.bells.listen(keys.events(followed.sessionId, followed.messageId));
    let markedAt = 0;
    try {
      for (;;) {
        if (Date.now() - markedAt >= READER_SIGN_MS) {
          markedAt = Date.now();
          await this.events.markFollowed(followed);
        }
        const events = await this.events.after(followed, progress.isStarted ? progress.seen : undefined);
        for (const event of events) {
          if (event.kind === 'seal') return yield* this.end(followed, progress, event);
          yield* newOf(followed, event, progress);
        }
        if (events.length > 0) continue;
        const isNews = await bell.wait(IDLE_MS, signal);
        if (!isNews && (await this.hasEndedSilently(followed, progress))) return yield* this.end(followed, progress);
      }
    } finally {
      bell.close();
    }
  }

  /** The rest as it is stored, then how it ended. */
  private async *end(
    followed: Followed,
    progress: Progress,
    seal?: AnswerEvent & { kind: 'seal' },
  ): AsyncGenerator<ChatTurnEvent, void> {
    const message = await this.store.message(followed.messageId);
    if (!message) throw seal?.error ? AppError.fromWire(seal.error) : chatNotFound();
    if (!progress.isStarted) yield startOf(followed);
    const rest = message.content.slice(progress.seen);
    if (rest) yield { type: 'delta', id: String(message.content.length), delta: rest };
    const { session_id, message_id, state, error_code } = messageShape(message);
    if (message.state === 'failed') {
      throw AppError.fromWire({
        code: error_code ?? 'internal',
        message: 'The answer failed; what was written of it is kept.',
        details: { session_id, message_id, state, error_code },
      });
    }
    const id = String(message.content.length);
    const shape = messageShape(message);
    for (const tool_call of shape.tool_calls ?? []) yield { type: 'tool_call', id, tool_call };
    yield { type: 'end', id, message: shape };
  }

  /** Its writer died, or its events were lost with Redis: what is stored is all that there will be. */
  private async hasEndedSilently(followed: Followed, progress: Progress): Promise<boolean> {
    const message = await this.store.message(followed.messageId);
    if (message?.state === 'running') return false;
    // A writer that lives changes the row first and says so after.
    await sleep(SEALED_WITHIN_MS);
    return (await this.events.after(followed, progress.isStarted ? progress.seen : undefined)).length === 0;
  }
}

function* newOf(followed: Followed, event: AnswerEvent, progress: Progress): Generator<ChatTurnEvent, void> {
  if (!progress.isStarted) {
    progress.isStarted = true;
    yield startOf(followed);
  }
  if (event.kind !== 'delta') return;
  // A reader may resume in the middle of what is one event now.
  const delta = event.text.slice(Math.max(0, progress.seen - (event.offset - event.text.length)));
  progress.seen = event.offset;
  yield { type: 'delta', id: String(event.offset), delta };
}

function startOf({ sessionId, userMessageId, messageId }: Followed): ChatTurnEvent {
  return {
    type: 'start',
    id: '0',
    session_id: sessionId,
    user_message_id: userMessageId,
    message_id: messageId,
  };
}
