import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

/** Text that nobody has read yet above which the provider has to wait. */
const UNREAD_CHARACTERS_MAX = 64 * 1024;

export interface AnswerHead {
  status: number;
  headers: IncomingHttpHeaders;
}

/**
 * Takes one answer from undici as it arrives: its head, then its body as text. Pieces that arrive before they are asked for become
 * one. undici's own `request` puts a readable stream between, which costs more than all the rest of a short answer.
 */
export class ProviderAnswer implements Dispatcher.DispatchHandler {
  private readonly decoder = new TextDecoder(); // A character may be split over two chunks.
  private readonly onAbort = () => this.giveUp(this.signal.reason);
  private controller: Dispatcher.DispatchController | undefined;
  private started: AnswerHead | undefined;
  private unread = '';
  private hasEnded = false;
  private failure: { error: unknown } | undefined;
  private wake: (() => void) | undefined;

  /** @param onDispatched called when there is a connection and the request begins to be sent, unless it has been given up by then */
  constructor(
    private readonly signal: AbortSignal,
    private readonly onDispatched: () => void,
  ) {
    if (signal.aborted) this.onAbort();
    else signal.addEventListener('abort', this.onAbort, { once: true });
  }

  /** Rejects with undici's error, or with the signal's reason. */
  async head(): Promise<AnswerHead> {
    while (!this.started) {
      if (this.failure) throw this.failure.error;
      await this.change();
    }
    return this.started;
  }

  /** The body. Who stops reading it before its end closes the connection. Raises as {@link head} does. */
  async *text(): AsyncGenerator<string, void> {
    try {
      for (;;) {
        if (this.unread !== '') yield this.takeUnread();
        else if (this.failure) throw this.failure.error;
        else if (this.hasEnded) return;
        else await this.change();
      }
    } finally {
      if (!this.hasEnded) this.giveUp(new Error('the answer is not read to its end'));
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.failure) controller.abort(abortReason(this.failure.error));
    else this.onDispatched();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return; // Only a notice.
    this.started = { status, headers };
    this.wake?.();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.add(this.decoder.decode(chunk, { stream: true }));
    if (this.unread.length > UNREAD_CHARACTERS_MAX) controller.pause();
  }

  onResponseEnd(): void {
    this.add(this.decoder.decode());
    this.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  private change(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }

  private add(text: string): void {
    this.unread += text;
    this.wake?.();
  }

  private takeUnread(): string {
    const text = this.unread;
    this.unread = '';
    if (this.controller?.paused) this.controller.resume();
    return text;
  }

  private giveUp(reason: unknown): void {
    this.fail(reason);
    this.controller?.abort(abortReason(reason));
  }

  private fail(error: unknown): void {
    if (this.hasEnded) return;
    this.failure = { error };
    this.end();
  }

  private end(): void {
    this.hasEnded = true;
    this.signal.removeEventListener('abort', this.onAbort);
    this.wake?.();
  }
}

function abortReason(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('given up', { cause: reason });
}
