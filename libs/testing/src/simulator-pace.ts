import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

export interface Pace {
  /** 0 or Infinity: as fast as the reader takes them. */
  tokensPerSecond: number;
  /** What reading the prompt takes, whatever its length. */
  firstTokenMs: number;
}

const piecesPerTurn = 32;
// Time lost to a slow reader is not made up for by a burst, but for what timers are late by.
const catchUpMsMax = 100;

/** Rejects with an AbortError as soon as the signal is aborted. */
export async function waitForFirstToken(pace: Pace, signal: AbortSignal): Promise<void> {
  if (pace.firstTokenMs > 0) await sleep(pace.firstTokenMs, undefined, { signal });
}

/** Gives the pieces out at the pace that `source` has at that moment. Rejects with an AbortError as soon as the signal is aborted. */
export async function* inPace<Piece extends { tokens: number }>(
  pieces: readonly Piece[],
  source: { readonly pace: Pace },
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  let dueMs = performance.now();
  for (const [index, piece] of pieces.entries()) {
    const { tokensPerSecond } = source.pace;
    const gapMs = tokensPerSecond > 0 ? (1000 / tokensPerSecond) * piece.tokens : 0;
    if (index > 0) dueMs = Math.max(dueMs + gapMs, performance.now() - catchUpMsMax);
    const waitMs = dueMs - performance.now();
    if (waitMs >= 1) await sleep(waitMs, undefined, { signal });
    else if (index % piecesPerTurn === piecesPerTurn - 1) await nextTurn(undefined, { signal });
    signal.throwIfAborted();
    yield piece;
  }
}
