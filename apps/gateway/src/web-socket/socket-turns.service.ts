import { AppError } from '@tollgate/contracts';
import { currentRequest, Logger } from '@tollgate/observability';
import { Inject, Injectable } from '@nestjs/common';
import { logError } from '../http/error.filter.js';
import { toAppError } from '../http/error-response.js';
import { parseJson } from '../http/parse-json.js';
import { fingerprintOf } from '../idempotency/fingerprint.js';
import { storedAnswer, type KeptAnswer } from '../idempotency/kept-answer.js';
import { KeyedRequests, type KeyedRequest } from '../idempotency/keyed-requests.js';
import { CallLimits } from '../limits/call-limits.service.js';
import { LIMITS_OPTIONS, type LimitsOptions } from '../limits/limits-options.js';
import type { Connection } from './connection.js';
import { turnDurationSeconds, turnsRunning } from './metrics.js';
import { RunningTurn, type AskedTurn } from './running-turn.js';
import { errorFrame, WebSocketServerFrame } from './server-frame.js';

/** One answer of a connection as it goes on. */
interface Turn {
  connection: Connection;
  asked: AskedTurn;
  running: RunningTurn;
}

/**
 * Streams answers to a connection with all that an HTTP call goes through: its idempotency key, the plan's limits, and errors of the
 * one table. The last frame of an answer is sent when its slot is free and its answer kept.
 */
@Injectable()
export class SocketTurns {
  constructor(
    @Inject(LIMITS_OPTIONS) private readonly limitsOptions: LimitsOptions,
    private readonly limits: CallLimits,
    private readonly requests: KeyedRequests,
    private readonly logger: Logger,
  ) {}

  /** To be run inside the request context of the turn. Does not throw. */
  async run(connection: Connection, asked: AskedTurn, running: RunningTurn): Promise<void> {
    const startedAt = performance.now();
    connection.turns.set(asked.ref, running);
    turnsRunning.inc();
    const last = await this.lastFrameOf({ connection, asked, running });
    turnsRunning.dec();
    connection.turns.delete(asked.ref);
    const durationMs = performance.now() - startedAt;
    const outcome = outcomeOf(last);
    turnDurationSeconds.observe({ type: asked.type, outcome }, durationMs / 1_000);
    this.logger.log('websocket turn', {
      connection_id: connection.id,
      type: asked.type,
      outcome,
      duration_ms: Math.round(durationMs),
    });
    await connection.send(last);
    if (connection.isDraining) connection.drain();
  }

  private async lastFrameOf(turn: Turn): Promise<WebSocketServerFrame> {
    const { asked, running } = turn;
    try {
      const last = await this.answer(turn);
      asked.remember?.(running.answer);
      return last;
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.code === 'cancelled' && running.isStopped) {
        asked.remember?.(running.answer);
        return { type: 'stopped', ref: asked.ref };
      }
      logError(this.logger, error);
      return errorFrame(error, requestId(), asked.ref);
    }
  }

  private async answer(turn: Turn): Promise<WebSocketServerFrame> {
    const { call, type } = turn.asked;
    if (!call) return this.stream(turn);
    if (call.key === undefined) return this.admitted(turn);
    const request = keyedRequestOf(type, call.key, call.body);
    const kept = await this.requests.claim(request);
    if (kept) return this.repeat(turn, kept);
    const events: string[] = [];
    try {
      const last = await this.admitted(turn, events);
      await this.requests.keep(request, storedAnswer({ status: 200, events }));
      return last;
    } catch (thrown) {
      const error = toAppError(thrown);
      await this.requests.fail(request, error);
      throw error;
    }
  }

  private async admitted(turn: Turn, kept?: string[]): Promise<WebSocketServerFrame> {
    const { connection, asked, running } = turn;
    if (!this.limitsOptions.enabled) return this.stream(turn, kept);
    const call = await this.limits.admit(connection.caller, requestId(), (headers) => {
      void connection.send({ type: 'quota', ref: asked.ref, headers });
    });
    try {
      const last = await this.stream(turn, kept);
      await call.end({ giveBack: false });
      return last;
    } catch (thrown) {
      const isRefused = !running.hasBegun && toAppError(thrown).code !== 'cancelled';
      await call.end({ giveBack: isRefused });
      throw thrown;
    }
  }

  /** All but the end, which is returned. Parts are pulled no faster than the client reads. */
  private async stream({ connection, asked, running }: Turn, kept?: string[]): Promise<WebSocketServerFrame> {
    let end: WebSocketServerFrame | undefined;
    for await (const event of asked.events()) {
      running.see(event);
      kept?.push(JSON.stringify(event));
      const frame = { ...event, ref: asked.ref };
      if (frame.type === 'end') end = frame;
      else await connection.send(frame);
    }
    if (!end) throw new AppError('reply_lost', 'The answer ended early.');
    return end;
  }

  private async repeat({ connection, asked, running }: Turn, kept: KeptAnswer): Promise<WebSocketServerFrame> {
    if ('error' in kept) throw AppError.fromWire(kept.error);
    let end: WebSocketServerFrame | undefined;
    for (const event of 'events' in kept ? kept.events : []) {
      const frame = WebSocketServerFrame.parse({ ...objectOf(event), ref: asked.ref, replayed: true });
      if (frame.type === 'delta') running.answer += frame.delta;
      if (frame.type === 'end') end = frame;
      else await connection.send(frame);
    }
    if (!end) throw new AppError('reply_lost', 'The answer ended early.');
    return end;
  }
}

/** The same key may come over HTTP: that is another request. */
function keyedRequestOf(type: string, key: string, body: unknown): KeyedRequest {
  const request = currentRequest();
  const { caller, deadlineAt } = request ?? {};
  if (!request || !caller || !deadlineAt) throw new Error('A turn runs outside its request.');
  return {
    accountId: caller.account_id,
    key,
    fingerprint: fingerprintOf(`websocket ${type}`, body),
    requestId: request.requestId,
    deadlineAt: new Date(deadlineAt),
  };
}

function requestId(): string {
  const request = currentRequest();
  if (!request) throw new Error('A turn runs outside its request.');
  return request.requestId;
}

function outcomeOf(frame: WebSocketServerFrame): string {
  if (frame.type === 'error') return frame.error.code;
  if (frame.type === 'stopped') return 'stopped';
  return 'replayed' in frame && frame.replayed ? 'replayed' : 'ok';
}

function objectOf(json: string): object {
  const value = parseJson(json);
  return typeof value === 'object' && value !== null ? value : {};
}
