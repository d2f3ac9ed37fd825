import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

const slicesPerSecondMax = 20;

/** Writes a body as fast as the client reads it, and no further than the connection is meant to live. */
export class ResponseBody {
  private bytesLeft: number;

  constructor(
    private readonly response: ServerResponse,
    private readonly options: {
      signal: AbortSignal;
      cutAfterBytes?: number;
      bytesPerSecond?: number;
      /** Each slice leaves alone, so that it arrives alone. */
      sliceBytes?: number;
      /** Called right before the connection is destroyed. */
      onCut: () => void;
    },
  ) {
    this.bytesLeft = options.cutAfterBytes ?? Infinity;
  }

  /** Rejects with an AbortError when the connection is gone. */
  async write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    const slice = bytes.subarray(0, Math.min(bytes.length, this.bytesLeft));
    await this.send(slice);
    this.bytesLeft -= slice.length;
    if (slice.length < bytes.length) await this.cut();
  }

  private async send(bytes: Buffer): Promise<void> {
    const { bytesPerSecond = Infinity, signal } = this.options;
    const sliceBytes = this.options.sliceBytes ?? Math.max(1, Math.floor(bytesPerSecond / slicesPerSecondMax));
    for (let start = 0; start < bytes.length; start += sliceBytes) {
      signal.throwIfAborted();
      if (bytesPerSecond < Infinity) await sleep((sliceBytes / bytesPerSecond) * 1000, undefined, { signal });
      const writable = this.response.write(bytes.subarray(start, Math.min(start + sliceBytes, bytes.length)));
      if (this.options.sliceBytes) await nextTurn(undefined, { signal });
      if (!writable) await once(this.response, 'drain', { signal });
    }
  }

  private async cut(): Promise<void> {
    this.options.onCut();
    this.response.flushHeaders();
    this.response.socket?.destroySoon();
    if (!this.response.closed) await once(this.response, 'close');
    this.options.signal.throwIfAborted();
  }
}
