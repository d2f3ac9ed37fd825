import type { Plan, Subscription } from '@tollgate/database';

/** A stretch of time with one plan, whose terms are billed alike from its start to its end. */
export interface PlanSegment {
  startsAt: Date;
  /** Excluded. */
  endsAt: Date;
  plan: Plan;
}

type Period = Pick<PlanSegment, 'startsAt' | 'endsAt'>;
type SubscriptionPeriod = Pick<Subscription, 'planCode' | 'planVersion' | 'startsAt' | 'endsAt'>;

/**
 * Divides a month by the plans that the account had, and by the versions of these plans. The first subscription and the first
 * version of a plan reach back as far as needed: an account pays for its first month as a whole.
 *
 * @param subscriptions of the account
 * @param plans every version of every plan that they name
 */
export function segmentsOf(
  month: Period,
  subscriptions: readonly SubscriptionPeriod[],
  plans: readonly Plan[],
): PlanSegment[] {
  const boundaries = [
    month.startsAt,
    ...subscriptions.map(({ startsAt }) => startsAt),
    ...plans.map(({ effectiveFrom }) => effectiveFrom),
    month.endsAt,
  ]
    .filter((date) => date >= month.startsAt && date <= month.endsAt)
    .sort((one, other) => one.getTime() - other.getTime());
  const segments: PlanSegment[] = [];
  for (const [index, startsAt] of boundaries.entries()) {
    const endsAt = boundaries[index + 1];
    if (!endsAt || endsAt.getTime() === startsAt.getTime()) continue;
    const plan = planAt(startsAt, subscriptions, plans);
    const before = segments.at(-1);
    if (before && isBilledAlike(before.plan, plan)) before.endsAt = endsAt;
    else segments.push({ startsAt, endsAt, plan });
  }
  return segments;
}

function planAt(at: Date, subscriptions: readonly SubscriptionPeriod[], plans: readonly Plan[]): Plan {
  const bySubscription = [...subscriptions].sort((one, other) => one.startsAt.getTime() - other.startsAt.getTime());
  const subscription = bySubscription.findLast(({ startsAt }) => startsAt <= at) ?? bySubscription[0];
  if (!subscription) throw new Error('an account without a plan');
  const { planCode, planVersion } = subscription;
  const versions = plans
    .filter(({ code, version }) => code === planCode && (planVersion === null || version === planVersion))
    .sort((one, other) => one.version - other.version);
  const plan = versions.findLast(({ effectiveFrom }) => effectiveFrom <= at) ?? versions[0];
  if (!plan) throw new Error(`there is no plan "${planCode}"`);
  return plan;
}

/** A version that only changes a rate limit is no new line on an invoice. */
function isBilledAlike(one: Plan, other: Plan): boolean {
  const terms: (keyof Plan)[] = ['code', 'fee', 'tokensPerMonth', 'tokensOverage', 'overagePricing', 'overagePrice'];
  return terms.every((term) => one[term] === other[term]);
}
