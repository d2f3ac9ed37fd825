import { ProviderFailure } from '../providers/provider-failure.js';

export interface AttemptTimeouts {
  /** From the call to the first token. */
  firstTokenMs: number;
  /** Between two tokens. */
  idleMs: number;
  totalMs: number;
}

/** Aborts an attempt when its provider is silent or too long at it, or when its caller leaves. */
export class AttemptTimer {
  private readonly controller = new AbortController();
  private readonly total: NodeJS.Timeout;
  private silence: NodeJS.Timeout;
  private hasToken = false;
  private readonly onAbort = () => this.controller.abort(this.caller.reason);

  constructor(
    private readonly provider: string,
    private readonly timeouts: AttemptTimeouts,
    private readonly caller: AbortSignal,
  ) {
    if (caller.aborted) this.onAbort();
    else caller.addEventListener('abort', this.onAbort, { once: true });
    this.total = setTimeout(() => this.expire(`took more than ${timeouts.totalMs} ms`), timeouts.totalMs);
    const { firstTokenMs } = timeouts;
    this.silence = setTimeout(() => this.expire(`sent no token within ${firstTokenMs} ms`), firstTokenMs);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** A token has come. */
  token(): void {
    if (this.hasToken) return void this.silence.refresh();
    this.hasToken = true;
    clearTimeout(this.silence);
    const { idleMs } = this.timeouts;
    this.silence = setTimeout(() => this.expire(`sent no further token within ${idleMs} ms`), idleMs);
  }

  stop(): void {
    clearTimeout(this.total);
    clearTimeout(this.silence);
    this.caller.removeEventListener('abort', this.onAbort);
  }

  private expire(what: string): void {
    const message = `The provider "${this.provider}" ${what}.`;
    this.controller.abort(new ProviderFailure(message, { category: 'timeout', verdict: 'retry' }));
  }
}
