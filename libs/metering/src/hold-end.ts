/** The end of one hold, or an attempt that never had one. */
export interface HoldEnd {
  callId: string;
  attemptNumber: number;
  accountId: string;
  /** Its row in column names; absent when nothing was sent. */
  attempt?: Record<string, unknown>;
  /** Is the client's request a call of its day, if the row is new? */
  countsCall?: boolean;
  /** No effect unless its hold stands and has lapsed. */
  onlyLapsed?: boolean;
}

/** `none`: it had ended before. `restated`: the row said `lost` and has been corrected. */
export type HoldEndEffect = 'recorded' | 'restated' | 'released' | 'none';
