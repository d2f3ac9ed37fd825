import { AppError } from '@tollgate/contracts';
import { Database, Prisma, type Plan } from '@tollgate/database';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { PlansFile, PlanTerms } from './plans-file.js';
import type { PlanOverrides, TierLimits } from './tier-limits.js';

/** A changed plan is seen by every replica after at most this. Holds ask the database each time. */
const CACHE_MS = 1_000;
/** Any number of our own: serialises replicas that write versions at the same moment. */
const PUBLISH_LOCK = 7_480_011_536;

type PlanVersion = Omit<Plan, 'effectiveFrom'>;

/**
 * The plans as versioned rows. The file gives a new database its first versions; after that the database rules, except
 * over what the environment says, which becomes a new version at a start where it differs from the last one.
 */
@Injectable()
export class Plans implements OnModuleInit {
  private readonly cache = new Map<string, { plan: Promise<Plan>; expiresAt: number }>();

  constructor(
    private readonly database: Database,
    private readonly defaults: PlansFile,
    private readonly overrides: PlanOverrides = {},
  ) {}

  async onModuleInit(): Promise<void> {
    await this.database.plan.createMany({
      data: Object.entries(this.defaults.plans).map(([code, terms]) => firstVersion(code, terms)),
      skipDuplicates: true,
    });
    const overrides = Object.entries(this.overrides).flatMap(([code, limits]) => (limits ? [{ code, limits }] : []));
    if (overrides.length === 0) return;
    await this.database.$transaction(async (transaction) => {
      await transaction.$executeRaw`SELECT pg_advisory_xact_lock(${PUBLISH_LOCK}::bigint)`;
      for (const { code, limits } of overrides) await publishOverride(transaction, code, limits);
    });
  }

  /** The first or the next version of a plan, in the caller's transaction. @returns it, and the one in force before */
  async createVersion(
    transaction: Prisma.TransactionClient,
    terms: Omit<Plan, 'version'>,
  ): Promise<{ before: Plan | null; after: Plan }> {
    await transaction.$executeRaw`SELECT pg_advisory_xact_lock(${PUBLISH_LOCK}::bigint)`;
    const { code } = terms;
    const before = await inForce(transaction, code);
    const latest = await transaction.plan.aggregate({ where: { code }, _max: { version: true } });
    const after = await transaction.plan.create({ data: { ...terms, version: (latest._max.version ?? 0) + 1 } });
    return { before, after };
  }

  /** The version in force now; at most a second old. */
  async current(code: string): Promise<Plan> {
    const now = Date.now();
    const cached = this.cache.get(code);
    if (cached && cached.expiresAt > now) return cached.plan;
    const plan = this.read(code);
    this.cache.set(code, { plan, expiresAt: now + CACHE_MS });
    plan.catch(() => this.cache.delete(code));
    return plan;
  }

  private async read(code: string): Promise<Plan> {
    const plan = await inForce(this.database, code);
    if (!plan)
      throw new AppError('internal', 'An internal error occurred.', {
        cause: new Error(`no plan "${code}" in the database`),
      });
    return plan;
  }
}

function inForce(database: Prisma.TransactionClient, code: string): Promise<Plan | null> {
  return database.plan.findFirst({
    where: { code, effectiveFrom: { lte: new Date() } },
    orderBy: { version: 'desc' },
  });
}

function firstVersion(code: string, terms: PlanTerms): Plan {
  return {
    code,
    version: 1,
    tokensPerMonth: BigInt(terms.tokens_per_month),
    tokensOverage: terms.tokens_overage,
    tokensHardCap: BigInt(terms.tokens_hard_cap ?? terms.tokens_per_month),
    fee: BigInt(terms.fee_micro_usd),
    overagePricing: terms.overage_pricing,
    overagePrice: BigInt(terms.overage_micro_usd_per_million),
    callsPerDay: terms.calls_per_day,
    requestsPerMinute: terms.requests_per_minute,
    concurrentRequests: terms.concurrent_requests,
    maxOutputTokens: terms.max_output_tokens,
    effectiveFrom: new Date(),
  };
}

async function publishOverride(database: Prisma.TransactionClient, code: string, limits: TierLimits): Promise<void> {
  const plan = await inForce(database, code);
  if (!plan) return;
  const { effectiveFrom: _, ...terms } = plan;
  const wanted: PlanVersion = {
    ...terms,
    tokensPerMonth: limits.tokensPerMonth ?? plan.tokensPerMonth,
    callsPerDay: limits.callsPerDay ?? plan.callsPerDay,
  };
  if (wanted.tokensPerMonth > wanted.tokensHardCap || plan.tokensOverage === 'block')
    wanted.tokensHardCap = wanted.tokensPerMonth;
  if (wanted.tokensPerMonth === plan.tokensPerMonth && wanted.callsPerDay === plan.callsPerDay) return;
  const latest = await database.plan.aggregate({ where: { code }, _max: { version: true } });
  await database.plan.create({
    data: { ...wanted, version: (latest._max.version ?? plan.version) + 1, effectiveFrom: new Date() },
  });
}
