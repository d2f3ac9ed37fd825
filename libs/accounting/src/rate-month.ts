import type { BillableMonth, BillableSegment } from '@tollgate/metering';
import { roundedDivision } from './money.js';

/** The parts of an invoice that follow from a month. */
export type RatedComponent = 'fee' | 'overage' | 'refund';

export interface RatedItem {
  component: RatedComponent;
  description: string;
  startsAt: Date;
  endsAt: Date;
  planCode: string | null;
  planVersion: number | null;
  /** Of an overage: tokens, and with a flat price micro-USD per million. */
  tokens: bigint | null;
  unitPrice: bigint | null;
  amountMicroUsd: bigint;
}

const MILLION = 1_000_000n;

/**
 * What a month costs: a function of the plans and the sums of the month alone, so that it can be asked again and depends on no
 * order of the rows. Each item is rounded once, half up, to a micro-USD; items of 0 are left out.
 *
 * Fees are divided by time. So are the included tokens: half a month of a plan brings half of its tokens, and what one segment
 * leaves unused another may use. What is beyond all of them is taken to have been used last, and costs what the plan of that time says.
 */
export function rateMonth(month: BillableMonth): RatedItem[] {
  const beyond = tokensBeyond(month);
  const items = month.segments.flatMap((segment, index) => [
    feeOf(month, segment),
    overageOfSegment(segment, beyond[index] ?? 0n),
  ]);
  return [...items, refundOf(month)].filter(({ amountMicroUsd }) => amountMicroUsd !== 0n);
}

function feeOf(month: BillableMonth, segment: BillableSegment): RatedItem {
  const { plan } = segment;
  const isWhole = month.segments.length === 1;
  return {
    ...itemOf(segment),
    component: 'fee',
    description: isWhole ? `Plan ${plan.code}, one month` : `Plan ${plan.code}, part of the month`,
    amountMicroUsd: roundedDivision(plan.fee * lengthOf(segment), lengthOfMonth(month)),
  };
}

function overageOfSegment(segment: BillableSegment, tokens: bigint): RatedItem {
  const { plan } = segment;
  const isFlat = plan.overagePricing === 'flat';
  return {
    ...itemOf(segment),
    component: 'overage',
    description: `Tokens beyond those of plan ${plan.code}${isFlat ? '' : ', at list prices'}`,
    tokens,
    unitPrice: isFlat ? plan.overagePrice : null,
    amountMicroUsd: plan.tokensOverage === 'block' ? 0n : priceOfOverage(segment, tokens),
  };
}

function priceOfOverage({ plan, tokens: used, listChargeMicroUsd }: BillableSegment, tokens: bigint): bigint {
  if (plan.overagePricing === 'flat') return roundedDivision(tokens * plan.overagePrice, MILLION);
  return used === 0n ? 0n : roundedDivision(listChargeMicroUsd * tokens, used);
}

function refundOf({ monthStart, monthEnd, refundMicroUsd }: BillableMonth): RatedItem {
  const none = { planCode: null, planVersion: null, tokens: null, unitPrice: null };
  const description = 'Refunds of requests';
  return {
    ...none,
    component: 'refund',
    description,
    startsAt: monthStart,
    endsAt: monthEnd,
    amountMicroUsd: -refundMicroUsd,
  };
}

/** Of each segment, the tokens that no segment includes; the last segments' first. */
function tokensBeyond(month: BillableMonth): bigint[] {
  const used = month.segments.reduce((sum, { tokens }) => sum + tokens, 0n);
  const included = month.segments.reduce(
    (sum, segment) => sum + (segment.plan.tokensPerMonth * lengthOf(segment)) / lengthOfMonth(month),
    0n,
  );
  let left = used > included ? used - included : 0n;
  return month.segments
    .map(({ tokens }) => tokens)
    .reverse()
    .map((tokens) => {
      const taken = tokens < left ? tokens : left;
      left -= taken;
      return taken;
    })
    .reverse();
}

function itemOf({ plan, startsAt, endsAt }: BillableSegment) {
  return { startsAt, endsAt, planCode: plan.code, planVersion: plan.version, tokens: null, unitPrice: null };
}

function lengthOf({ startsAt, endsAt }: { startsAt: Date; endsAt: Date }): bigint {
  return BigInt(endsAt.getTime() - startsAt.getTime());
}

function lengthOfMonth({ monthStart, monthEnd }: BillableMonth): bigint {
  return lengthOf({ startsAt: monthStart, endsAt: monthEnd });
}
