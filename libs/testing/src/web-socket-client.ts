import type { IncomingMessage } from 'node:http';
import { WebSocket, type ClientOptions } from 'ws';

const HEARD_WITHIN_MS = 20_000;

/** One frame as it came. */
export type HeardFrame = Record<string, unknown> & { type: string };

/** The answer to a handshake that was refused. */
export interface RefusedHandshake {
  status: number;
  headers: Record<string, unknown>;
  body: Record<string, unknown>;
}

/** A WebSocket client that keeps all that it hears. Frames are JSON objects with a `type`, errors throw nothing. */
export class WebSocketClient {
  readonly frames: HeardFrame[] = [];
  /** 1006 when there was no close frame. */
  readonly closed: Promise<{ code: number; reason: string }>;
  private readonly waiting = new Set<() => void>();

  private constructor(readonly socket: WebSocket) {
    socket.on('error', () => undefined); // The close event follows.
    this.closed = new Promise((resolve) => {
      socket.once('close', (code: number, reason: Buffer) => resolve({ code, reason: reason.toString() }));
    });
    void this.closed.then(() => this.wake());
    socket.on('message', (data: Buffer) => {
      this.frames.push(JSON.parse(data.toString()));
      this.wake();
    });
  }

  /** Rejects with an Error when the handshake is refused; {@link refusedHandshake} is for those that should be. */
  static async connect(url: string, options: ClientOptions & { protocols?: string[] } = {}): Promise<WebSocketClient> {
    const { protocols = [], ...rest } = options;
    const client = new WebSocketClient(new WebSocket(url.replace(/^http/, 'ws'), protocols, rest));
    await new Promise<void>((resolve, reject) => {
      client.socket.once('open', resolve);
      client.socket.once('error', reject);
      client.socket.once('unexpected-response', (_request, { statusCode }) =>
        reject(new Error(`the handshake was answered with ${statusCode}`)),
      );
    });
    return client;
  }

  send(frame: object | string): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** The first frame that fits, heard before or not. Rejects when none comes within twenty seconds, or the connection ends. */
  async heard(fits: (frame: HeardFrame) => boolean): Promise<HeardFrame> {
    const giveUpAt = Date.now() + HEARD_WITHIN_MS;
    for (;;) {
      const frame = this.frames.find(fits);
      if (frame) return frame;
      const isClosed = this.socket.readyState === WebSocket.CLOSED;
      if (isClosed || Date.now() > giveUpAt) {
        const ended = isClosed ? `closed with ${(await this.closed).code}` : 'still open';
        throw new Error(`not heard, ${ended}; the last frames: ${JSON.stringify(this.frames.slice(-3))}`);
      }
      await this.change(giveUpAt);
    }
  }

  /** The last frame of what was asked with this `ref`. */
  last(ref: string): Promise<HeardFrame> {
    return this.heard((frame) => frame['ref'] === ref && lastTypes.has(frame.type));
  }

  /** The text of the answer to `ref`, as far as it was heard. */
  text(ref: string): string {
    const deltas = this.frames.filter((frame) => frame['ref'] === ref && frame.type === 'delta');
    return deltas.map(({ delta }) => String(delta)).join('');
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
  }

  private change(until: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(wake, Math.max(0, until - Date.now()));
      const waiting = this.waiting.add(wake);
      function wake() {
        clearTimeout(timer);
        waiting.delete(wake);
        resolve();
      }
    });
  }

  private wake(): void {
    for (const wake of this.waiting) wake();
  }
}

const lastTypes = new Set(['end', 'stopped', 'error', 'pong', 'history', 'cleared', 'authenticated']);

/** What a handshake is answered that must not succeed. */
export async function refusedHandshake(url: string, options: ClientOptions & { protocols?: string[] } = {}) {
  const { protocols = [], ...rest } = options;
  const socket = new WebSocket(url.replace(/^http/, 'ws'), protocols, rest);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    socket.once('open', () => reject(new Error('the handshake succeeded')));
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, answer) => resolve(answer));
  });
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(text) } as RefusedHandshake;
}
