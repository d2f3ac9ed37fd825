import type { Plan } from '@tollgate/database';

export interface Overage {
  /** Tokens beyond those that the plan includes. */
  tokens: bigint;
  microUsd: bigint;
}

const MILLION = 1_000_000n;

/**
 * What a month of `spent` tokens is billed beyond the plan's fee: nothing for a plan that blocks, else every token beyond the
 * included ones at the plan's price, rounded half up once. It depends on the sum alone, and so on no order of the rows.
 */
export function overageOf(
  spent: bigint,
  plan: Pick<Plan, 'tokensPerMonth' | 'tokensOverage' | 'overagePrice'>,
): Overage {
  const beyond = spent - plan.tokensPerMonth;
  if (plan.tokensOverage === 'block' || beyond <= 0n) return { tokens: 0n, microUsd: 0n };
  return { tokens: beyond, microUsd: (beyond * plan.overagePrice + MILLION / 2n) / MILLION };
}
