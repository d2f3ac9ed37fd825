import type { Caller } from '@tollgate/contracts';

const TOKENS_MAX = 10_000;

interface Verified {
  caller: Caller;
  expiresAtMs: number;
}

/**
 * Access tokens whose signature and claims have been checked by this process: checking costs more than all else that the
 * gateway does for a request, and says the same until the token expires. Holds the last ten thousand used.
 */
export class VerifiedTokens {
  private readonly byToken = new Map<string, Verified>();

  constructor(private readonly now: () => number = Date.now) {}

  /** Undefined for a token that was never seen, or has expired. */
  get(token: string): Caller | undefined {
    const verified = this.byToken.get(token);
    if (!verified) return undefined;
    this.byToken.delete(token);
    if (verified.expiresAtMs <= this.now()) return undefined;
    this.byToken.set(token, verified); // The last used is the last to go.
    return verified.caller;
  }

  clear(): void {
    this.byToken.clear();
  }

  add(token: string, caller: Caller, expiresAtMs: number): void {
    this.byToken.set(token, { caller, expiresAtMs });
    if (this.byToken.size <= TOKENS_MAX) return;
    for (const oldest of this.byToken.keys()) return void this.byToken.delete(oldest);
  }
}
