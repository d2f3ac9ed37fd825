import { AppError, type Caller } from '@tollgate/contracts';
import { childTraceparent, currentRequest, Logger, runInRequest } from '@tollgate/observability';
import { Inject, Injectable } from '@nestjs/common';
import { AnswerEvents } from '../coordination/answer-events.js';
import { metrics } from '../coordination/metrics.js';
import type { SessionLock } from '../coordination/session-locks.js';
import { AnswerGeneration, type AnswerOptions } from './answer-generation.service.js';
import { AnswerUsage } from './answer-usage.service.js';
import { AnswerWriter } from './answer-writer.js';
import { TurnStore, type Ending, type Turn } from './turn-store.js';
import { watchTurn } from './watch-turn.js';

export const ANSWER_TIMEOUT_MS = Symbol('answer timeout');

/**
 * Writes the answer of a turn, for as long as somebody follows it and whoever that is: not the request that asked for it but
 * the turn owns the call of the model.
 */
@Injectable()
export class Answering {
  constructor(
    private readonly generation: AnswerGeneration,
    private readonly store: TurnStore,
    private readonly events: AnswerEvents,
    private readonly usage: AnswerUsage,
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
      savePartial: async () => {
        if (writer.text !== '') await this.store.savePartial(turn.messageId, writer.text);
      },
      onEnd: (reason) => controller.abort(reason),
    });
    let ending: Ending;
    try {
      // Its first reader is there, however late they come to say so: the watch must not find that nobody is.
      await this.events.markFollowed(address);
      ending = await this.generation.generate(turn, options, writer);
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
    // While the lock is still held: the next turn must not end this one as unfinished.
    if (ending.state !== 'complete') ending.usage = await this.usage.settled(turn.requestId);
    const isOurs = await this.store.finish(turn.messageId, ending);
    metrics.turns.inc({ outcome: isOurs ? ending.state : 'taken_over' });
    // Before its reader hears of the end, who may send the next message at once.
    await lock.release();
    await this.events.seal(address);
  }

  private async withdraw(turn: Turn, lock: SessionLock, error: AppError): Promise<void> {
    await this.store.withdraw(turn);
    metrics.turns.inc({ outcome: 'withdrawn' });
    await lock.release();
    await this.events.seal({ sessionId: turn.session.id, messageId: turn.messageId }, error.toWire());
  }
}
