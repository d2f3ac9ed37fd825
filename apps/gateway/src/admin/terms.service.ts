import {
  AppError,
  type CreatePlanRequest,
  type CreatePriceRequest,
  type Plan,
  type PlanList,
  type Price,
  type PriceList,
} from '@tollgate/contracts';
import { Database, type Plan as PlanRow, type PriceVersion } from '@tollgate/database';
import { Plans, Prices } from '@tollgate/metering';
import { Injectable } from '@nestjs/common';
import { AuditLog } from './audit-log.js';

/** A client's clock may be behind by so much when it says "now". */
const CLOCK_TOLERANCE_MS = 60_000;

/** What is sold, and for how much: plans and prices as versions with a date. */
@Injectable()
export class TermsService {
  constructor(
    private readonly database: Database,
    private readonly plans: Plans,
    private readonly prices: Prices,
    private readonly audit: AuditLog,
  ) {}

  /** Every version, by code and the newest first. */
  async listPlans(): Promise<PlanList> {
    const rows = await this.database.plan.findMany({ orderBy: [{ code: 'asc' }, { version: 'desc' }] });
    const inForce = (row: PlanRow) =>
      rows.find(({ code, effectiveFrom }) => code === row.code && effectiveFrom.getTime() <= Date.now()) === row;
    return { object: 'list', data: rows.map((row) => describedPlan(row, inForce(row))) };
  }

  /** Raises `invalid_request`. */
  async createPlan(request: CreatePlanRequest): Promise<Plan> {
    const effectiveFrom = dateOf(request.effective_from);
    return this.database.$transaction(async (tx) => {
      const { before, after } = await this.plans.createVersion(tx, {
        code: request.code,
        fee: BigInt(request.fee_micro_usd),
        tokensPerMonth: BigInt(request.tokens_per_month),
        tokensOverage: request.tokens_overage,
        tokensHardCap: BigInt(request.tokens_hard_cap ?? request.tokens_per_month),
        overagePricing: request.overage_pricing,
        overagePrice: BigInt(request.overage_micro_usd_per_million),
        callsPerDay: request.calls_per_day,
        requestsPerMinute: request.requests_per_minute,
        concurrentRequests: request.concurrent_requests,
        maxOutputTokens: request.max_output_tokens,
        effectiveFrom,
      });
      const plan = describedPlan(after, effectiveFrom.getTime() <= Date.now());
      await this.audit.record(tx, {
        action: 'plan.create_version',
        subject: `plan:${plan.code}/${plan.version}`,
        ...(before && { before: describedPlan(before, true) }),
        after: plan,
      });
      return plan;
    });
  }

  /** The newest first. */
  async listPrices(query: { provider?: string; model?: string; limit: number; after?: string }): Promise<PriceList> {
    const { provider, model, limit, after } = query;
    const rows = await this.database.priceVersion.findMany({
      where: { provider, model, id: after === undefined ? undefined : { lt: BigInt(after) } },
      orderBy: { id: 'desc' },
      take: limit + 1,
    });
    const data = rows.slice(0, limit).map(describedPrice);
    return { object: 'list', data, has_more: rows.length > limit, last_id: data.at(-1)?.id ?? null };
  }

  /** Raises `invalid_request`. */
  async createPrice(request: CreatePriceRequest): Promise<Price> {
    const { provider, model, cost, charge } = request;
    const effectiveFrom = dateOf(request.effective_from);
    return this.database.$transaction(async (tx) => {
      const before = await tx.priceVersion.findFirst({
        where: { provider, model, effectiveFrom: { lte: effectiveFrom } },
        orderBy: [{ effectiveFrom: 'desc' }, { id: 'desc' }],
      });
      const row = await this.prices.set(tx, {
        provider,
        model,
        cost: pricesOf(cost),
        charge: pricesOf(charge),
        effectiveFrom,
      });
      const after = describedPrice(row);
      await this.audit.record(tx, {
        action: 'price.create',
        subject: `price:${after.id}`,
        ...(before && { before: describedPrice(before) }),
        after,
      });
      return after;
    });
  }
}

/** Raises `invalid_request` for the past. */
function dateOf(effectiveFrom: string | undefined): Date {
  const now = Date.now();
  if (effectiveFrom === undefined) return new Date(now);
  const date = new Date(effectiveFrom);
  if (date.getTime() < now - CLOCK_TOLERANCE_MS) {
    throw new AppError('invalid_request', 'effective_from: must not be in the past', { param: 'effective_from' });
  }
  return date;
}

function pricesOf({ input, cached_input: cachedInput, output, reasoning }: CreatePriceRequest['cost']) {
  return {
    input: BigInt(input),
    cachedInput: BigInt(cachedInput),
    output: BigInt(output),
    reasoning: BigInt(reasoning),
  };
}

function describedPlan(row: PlanRow, isInForce: boolean): Plan {
  return {
    object: 'plan',
    code: row.code,
    version: row.version,
    effective_from: row.effectiveFrom.toISOString(),
    in_force: isInForce,
    fee_micro_usd: String(row.fee),
    tokens_per_month: Number(row.tokensPerMonth),
    tokens_overage: row.tokensOverage,
    tokens_hard_cap: Number(row.tokensHardCap),
    overage_pricing: row.overagePricing,
    overage_micro_usd_per_million: String(row.overagePrice),
    calls_per_day: row.callsPerDay,
    requests_per_minute: row.requestsPerMinute,
    concurrent_requests: row.concurrentRequests,
    max_output_tokens: row.maxOutputTokens,
  };
}

function describedPrice(row: PriceVersion): Price {
  return {
    id: String(row.id),
    object: 'price',
    provider: row.provider,
    model: row.model,
    cost: {
      input: String(row.costInput),
      cached_input: String(row.costCachedInput),
      output: String(row.costOutput),
      reasoning: String(row.costReasoning),
    },
    charge: {
      input: String(row.chargeInput),
      cached_input: String(row.chargeCachedInput),
      output: String(row.chargeOutput),
      reasoning: String(row.chargeReasoning),
    },
    effective_from: row.effectiveFrom.toISOString(),
    origin: row.origin,
  };
}
