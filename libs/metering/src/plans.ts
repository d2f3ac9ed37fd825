import { loadYamlFile } from '@tollgate/config';
import { AppError } from '@tollgate/contracts';
import { Database, PlanOverage, type Plan } from '@tollgate/database';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { z } from 'zod';

const PlansFile = z.object({
  plans: z.record(
    z.string().regex(/^[a-z][a-z0-9_]*$/, 'must be a lower-case word'),
    z.strictObject({
      tokens_per_month: z.number().int().nonnegative(),
      tokens_overage: z.enum(PlanOverage),
      calls_per_day: z.number().int().nonnegative(),
      requests_per_minute: z.number().int().positive(),
      concurrent_requests: z.number().int().positive(),
      max_output_tokens: z.number().int().positive(),
    }),
  ),
});
export type PlansFile = z.infer<typeof PlansFile>;

/** Raises ConfigError with every problem of the file. */
export function loadPlansFile(path: string): PlansFile {
  return loadYamlFile(path, PlansFile, {});
}

/** A changed plan is seen by every replica after at most this. */
const CACHE_MS = 1_000;

/** The plans as versioned rows. The file gives a new database its first versions; after that the database rules. */
@Injectable()
export class Plans implements OnModuleInit {
  private readonly cache = new Map<string, { plan: Promise<Plan>; expiresAt: number }>();

  constructor(
    private readonly database: Database,
    private readonly defaults: PlansFile,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.database.plan.createMany({
      data: Object.entries(this.defaults.plans).map(([code, plan]) => ({
        code,
        version: 1,
        tokensPerMonth: BigInt(plan.tokens_per_month),
        tokensOverage: plan.tokens_overage,
        callsPerDay: plan.calls_per_day,
        requestsPerMinute: plan.requests_per_minute,
        concurrentRequests: plan.concurrent_requests,
        maxOutputTokens: plan.max_output_tokens,
        effectiveFrom: new Date(),
      })),
      skipDuplicates: true,
    });
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
    const plan = await this.database.plan.findFirst({
      where: { code, effectiveFrom: { lte: new Date() } },
      orderBy: { version: 'desc' },
    });
    if (!plan)
      throw new AppError('internal', 'An internal error occurred.', {
        cause: new Error(`no plan "${code}" in the database`),
      });
    return plan;
  }
}
