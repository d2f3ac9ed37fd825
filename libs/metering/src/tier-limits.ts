import { z } from 'zod';

const TierLimits = z.strictObject({
  max_llm_tokens_per_month: z.number().int().nonnegative().optional(),
  max_api_calls_per_day: z.number().int().nonnegative().optional(),
});

/** What the environment says of a plan; it wins over the database at every start. */
export interface TierLimits {
  tokensPerMonth: bigint | undefined;
  callsPerDay: number | undefined;
}

const tierLimits = z.string().transform((json, context): TierLimits => {
  const limits = TierLimits.safeParse(parse(json));
  if (limits.success) {
    const { max_llm_tokens_per_month: tokens, max_api_calls_per_day: callsPerDay } = limits.data;
    return { tokensPerMonth: tokens === undefined ? undefined : BigInt(tokens), callsPerDay };
  }
  const message = 'must be JSON like {"max_llm_tokens_per_month": 100000, "max_api_calls_per_day": 1000}';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** The variables of an app that has plans. */
export const tierLimitVariables = {
  FREE_TIER_LIMITS: tierLimits.optional(),
  PRO_TIER_LIMITS: tierLimits.optional(),
};

/** By the code of the plan. */
export type PlanOverrides = Readonly<Record<string, TierLimits | undefined>>;

/** @param all the parsed variables */
export function planOverrides(all: {
  FREE_TIER_LIMITS?: TierLimits | undefined;
  PRO_TIER_LIMITS?: TierLimits | undefined;
}): PlanOverrides {
  return { free: all.FREE_TIER_LIMITS, pro: all.PRO_TIER_LIMITS };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // What is wrong with it is said in one message, whatever it is.
    return undefined;
  }
}
