import type { WebSocket } from 'ws';
import { bufferedBytes } from './metrics.js';
import type { WebSocketServerFrame } from './server-frame.js';

/** Above this nothing more is answered until the client has read some of what it asked for. */
const PENDING_BYTES_MAX = 256 * 1024;

/**
 * What waits for one client to read it. Whoever streams waits for each of its frames to leave, so an answer has one frame here at
 * most; what else a client asks for is not looked at while this is full.
 */
export class Outbox {
  /** Ever written. */
  bytes = 0;
  private pendingBytes = 0;
  private movedAt = 0;

  /** @param onRoom called when it is full no longer */
  constructor(
    private readonly socket: WebSocket,
    private readonly onRoom: () => void,
  ) {}

  get isFull(): boolean {
    return this.pendingBytes > PENDING_BYTES_MAX;
  }

  /** How long nothing has left although something waits. */
  get stalledMs(): number {
    return this.pendingBytes === 0 ? 0 : performance.now() - this.movedAt;
  }

  /** Resolves when the kernel has it or the client is gone. Never rejects: closing is what ends the work. */
  send(frame: WebSocketServerFrame): Promise<void> {
    if (this.socket.readyState !== this.socket.OPEN) return Promise.resolve();
    const text = JSON.stringify(frame);
    const size = Buffer.byteLength(text);
    if (this.pendingBytes === 0) this.movedAt = performance.now();
    this.bytes += size;
    this.pendingBytes += size;
    bufferedBytes.inc(size);
    return new Promise((resolve) => {
      this.socket.send(text, () => {
        this.left(size);
        resolve();
      });
    });
  }

  private left(size: number): void {
    const wasFull = this.isFull;
    this.movedAt = performance.now();
    this.pendingBytes -= size;
    bufferedBytes.dec(size);
    if (wasFull && !this.isFull) this.onRoom();
  }
}
