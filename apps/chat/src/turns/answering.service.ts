import { AppError, selectModel, streamCompletion, type Caller, type CompletionRequest } from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { childTraceparent, currentRequest, Logger, runInRequest } from '@tollgate/observability';
import { Inject, Injectable } from '@nestjs/common';
import { ChatContext } from '../context/chat-context.service.js';
import { AnswerEvents } from '../coordination/answer-events.js';
import { metrics } from '../coordination/metrics.js';
import type { SessionLock } from '../coordination/session-locks.js';
import { AnswerWriter } from './answer-writer.js';
import { TurnStore, type Ending, type Turn } from './turn-store.js';
import { watchTurn } from './watch-turn.js';

export const ANSWER_TIMEOUT_MS = Symbol('answer timeout');

export interface AnswerOptions {
  model?: string | null;
  max_tokens?: number | null;
  temperature?: number | null;
  /** An answer that was kept from before will not do. */
  isAnew?: boolean;
}

/**
 * Writes the answer of a turn, for as long as somebody follows it and whoever that is: not the request that asked for it but
 * the turn owns the call of the model.
 */
@Injectable()
export class Answering {
  constructor(
    private readonly messages: Messages,
    private readonly store: TurnStore,
    private readonly events: AnswerEvents,
    private readonly context: ChatContext,
    private readonly logger: Logger,
    @Inject(ANSWER_TIMEOUT_MS) private readonly timeoutMs: number,
  ) {}

  /** Never rejects: how it ended stands in Postgres, then in the events. Gives the lock back. */
  async answer(turn: Turn, lock: SessionLock, caller: Caller, options: AnswerOptions): Promise<void> {
    const controller = new AbortController();
    const request = {
      requestId: turn.requestId,
      traceparent: childTraceparent(currentRequest()?.traceparent),
      caller,
      deadlineAt: Date.now() + this.timeoutMs,
      signal: controller.signal,
    };
    metrics.answersRunning.inc();
    try {
      await runInRequest(request, () => this.write(turn, lock, options, controller));
    } catch (error) {
      // Postgres or Redis is away: the sweep ends what this could not.
      this.logger.error('The end of an answer could not be written.', { message_id: turn.messageId, err: error });
    } finally {
      await lock.release();
      metrics.answersRunning.dec();
    }
  }

  private async write(turn: Turn, lock: SessionLock, options: AnswerOptions, controller: AbortController) {
    const address = { sessionId: turn.session.id, messageId: turn.messageId };
    const writer = new AnswerWriter(this.events, address);
    const watch = watchTurn({
      hold: () => lock.hold(turn.messageId),
      savePartial: () => this.store.savePartial(turn.messageId, writer.text),
      onEnd: (reason) => controller.abort(reason),
    });
    let ending: Ending;
    try {
      ending = await this.generate(turn, options, writer);
    } catch (thrown) {
      // An aborted call fails in ways of its own; why it was aborted is the truth.
      const error = AppError.fromUnknown(controller.signal.aborted ? controller.signal.reason : thrown);
      const content = writer.text;
      if (error.code === 'cancelled') ending = { state: 'stopped', content, finishReason: 'stopped' };
      else if (content === '') return await this.withdraw(turn, lock, error);
      else ending = { state: 'failed', content, errorCode: error.code };
    } finally {
      await watch.stop();
    }
    const isOurs = await this.store.finish(turn.messageId, ending);
    metrics.turns.inc({ outcome: isOurs ? ending.state : 'taken_over' });
    // Before its reader hears of the end, who may send the next message at once.
    await lock.release();
    await this.events.seal(address);
  }

  private async generate(turn: Turn, options: AnswerOptions, writer: AnswerWriter): Promise<Ending> {
    const request = await this.completionFor(turn, options);
    for await (const part of this.messages.stream(streamCompletion, request)) {
      switch (part.type) {
        case 'start':
          await writer.start();
          break;
        case 'delta':
          await writer.push(part.text);
          break;
        case 'end': {
          await writer.flush();
          const { model, usage, finish_reason: finishReason } = part;
          return { state: 'complete', content: writer.text, model, usage, finishReason };
        }
        case 'reasoning':
        case 'tool_call':
          break; // Neither is asked for.
        default:
          part satisfies never;
      }
    }
    throw new AppError('reply_lost', 'The answer ended early.');
  }

  private async completionFor(turn: Turn, options: AnswerOptions): Promise<CompletionRequest> {
    const model = options.model ?? turn.session.model ?? undefined;
    const choice = await this.messages.send(selectModel, { model });
    const messages = await this.context.promptFor(turn, choice, {
      model,
      answerTokens: options.max_tokens ?? undefined,
    });
    return {
      task: 'chat',
      messages,
      model,
      max_tokens: options.max_tokens ?? undefined,
      temperature: options.temperature ?? undefined,
      ...(options.isAnew && { cache: { use: false } }),
    };
  }

  private async withdraw(turn: Turn, lock: SessionLock, error: AppError): Promise<void> {
    await this.store.withdraw(turn);
    metrics.turns.inc({ outcome: 'withdrawn' });
    await lock.release();
    await this.events.seal({ sessionId: turn.session.id, messageId: turn.messageId }, error.toWire());
  }
}
