import { AppError, CHAT_SUBPROTOCOL, type Caller, type WebSocketClientFrame } from '@tollgate/contracts';
import type { WebSocket } from 'ws';
import { readClientFrame } from './client-frame.js';
import { closeCodes, type CloseCode } from './close-codes.js';
import { Conversation } from './conversation.js';
import { expiryOf, type Credential } from './credentials.service.js';
import { FrameRate } from './frame-rate.js';
import { connectionsCut, framesReceived } from './metrics.js';
import { Outbox } from './outbox.js';
import type { RunningTurn } from './running-turn.js';
import { errorFrame, type WebSocketServerFrame } from './server-frame.js';
import type { WebSocketOptions } from './web-socket-options.js';

interface Opened {
  /** The request id of the handshake. */
  id: string;
  traceparent: string;
  caller: Caller;
  credential: Credential;
}

/** One client: what it may say, what runs for it, and how it ends. */
export class Connection {
  readonly id: string;
  readonly traceparent: string;
  readonly conversation: Conversation;
  /** By their `ref`. */
  readonly turns = new Map<string, RunningTurn>();
  readonly openedAt = performance.now();
  caller: Caller;
  credential: Credential;
  receivedBytes = 0;
  isDraining = false;
  private readonly outbox: Outbox;
  private readonly rate: FrameRate;
  private pingedAt = performance.now();
  private isSilentSincePing = false;
  /** Frames that came in one piece with others, and wait until their client reads. No more come meanwhile. */
  private unread: string[] = [];
  private onFrame: (frame: WebSocketClientFrame) => void = () => undefined;

  constructor(
    private readonly socket: WebSocket,
    private readonly options: WebSocketOptions,
    { id, traceparent, caller, credential }: Opened,
  ) {
    this.id = id;
    this.traceparent = traceparent;
    this.caller = caller;
    this.credential = credential;
    this.conversation = new Conversation(options.historyTokensMax);
    this.outbox = new Outbox(socket, () => this.readOn());
    this.rate = new FrameRate(options.framesPerSecond);
  }

  get sentBytes(): number {
    return this.outbox.bytes;
  }

  /** @param onClose is told the close code; 1006 when the client left without one */
  listen(onFrame: (frame: WebSocketClientFrame) => void, onClose: (code: number) => void): void {
    this.onFrame = onFrame;
    this.socket.on('message', (data: Buffer, isBinary: boolean) => this.hear(data, isBinary));
    this.socket.on('pong', () => (this.isSilentSincePing = false));
    this.socket.on('ping', () => {
      this.isSilentSincePing = false;
      this.isWithinRate();
    });
    // The library closes by itself what breaks the protocol; the close code says why.
    this.socket.on('error', () => undefined);
    this.socket.once('close', (code: number) => {
      for (const turn of this.turns.values()) turn.abandon();
      onClose(code);
    });
    const { id, credential } = this;
    const ready = { connection_id: id, protocol: CHAT_SUBPROTOCOL, expires_at: expiryOf(credential) };
    void this.send({ type: 'ready', ...ready });
  }

  /** Resolves when the client can take more, or has left. */
  send(frame: WebSocketServerFrame): Promise<void> {
    return this.outbox.send(frame);
  }

  /** Says why, then closes. */
  refuse(code: CloseCode, error: AppError): void {
    void this.send(errorFrame(error, this.id));
    this.close(code, error.code);
  }

  /** Takes nothing new, and closes when the last answer has ended. */
  drain(): void {
    this.isDraining = true;
    if (this.turns.size === 0) this.close(closeCodes.serviceRestart, 'shutting_down');
  }

  /** To be called often. Pings, and cuts off who does not answer or does not read. */
  check(now = performance.now()): void {
    const { pingIntervalMs, slowReaderMs } = this.options;
    if (this.outbox.stalledMs > slowReaderMs) this.cut('slow_reader');
    // Who is stalled may have an answer to a ping that waits behind what it does not read.
    if (this.outbox.stalledMs > 0 || now - this.pingedAt < pingIntervalMs) return;
    if (this.isSilentSincePing) return this.cut('dead_peer');
    this.pingedAt = now;
    this.isSilentSincePing = true;
    this.socket.ping();
  }

  private hear(data: Buffer, isBinary: boolean): void {
    this.isSilentSincePing = false;
    this.receivedBytes += data.length;
    if (this.socket.readyState !== this.socket.OPEN || !this.isWithinRate()) return;
    if (isBinary) {
      const error = new AppError('unsupported_media_type', 'Frames are JSON in text frames.');
      return this.refuse(closeCodes.unsupportedData, error);
    }
    this.unread.push(data.toString());
    this.readOn();
  }

  private readOn(): void {
    while (!this.outbox.isFull && this.unread.length > 0) this.read(this.unread.shift() ?? '');
    const isHeldUp = this.unread.length > 0;
    if (isHeldUp && !this.socket.isPaused) this.socket.pause();
    else if (!isHeldUp && this.socket.isPaused) this.socket.resume();
  }

  private read(text: string): void {
    const read = readClientFrame(text);
    framesReceived.inc({ type: 'frame' in read ? read.frame.type : 'invalid' });
    if ('frame' in read) this.onFrame(read.frame);
    else void this.send(errorFrame(read.error, this.id, read.ref));
  }

  private isWithinRate(): boolean {
    if (this.rate.take()) return true;
    const message = `More than ${this.options.framesPerSecond} frames a second.`;
    this.refuse(closeCodes.tooManyFrames, new AppError('rate_limit_exceeded', message, { retryAfterSeconds: 1 }));
    return false;
  }

  private close(code: CloseCode, reason: string): void {
    this.socket.close(code, reason);
  }

  private cut(cause: 'dead_peer' | 'slow_reader'): void {
    connectionsCut.inc({ cause });
    this.socket.terminate();
  }
}
