import { AppError } from '@tollgate/contracts';
import { Database, type Prisma } from '@tollgate/database';
import { Injectable } from '@nestjs/common';

const DUE_AT_ONCE = 1_000;

/** Changes of plan, now or at the end of the account's month. */
@Injectable()
export class Subscriptions {
  constructor(private readonly database: Database) {}

  /** What is used of the month stays used. A change that waits is forgotten. Raises `invalid_request` for an unknown plan. */
  async changeNow(transaction: Prisma.TransactionClient, accountId: string, planCode: string): Promise<void> {
    await checkPlan(transaction, planCode);
    await lockAccount(transaction, accountId);
    await applyDuePlanChange(transaction, accountId, new Date());
    await transaction.planChange.deleteMany({ where: { accountId } });
    await transaction.account.update({ where: { id: accountId }, data: { planCode } });
  }

  /** Replaces a change that waits already; to the plan of now it takes that back. Returns when it will happen. Raises `invalid_request`. */
  async changeAtPeriodEnd(transaction: Prisma.TransactionClient, accountId: string, planCode: string): Promise<Date> {
    await checkPlan(transaction, planCode);
    await lockAccount(transaction, accountId);
    await applyDuePlanChange(transaction, accountId, new Date());
    const [period] = await transaction.$queryRaw<{ plan_code: string; ends_at: Date }[]>`
      SELECT plan_code, usage_month_end(anchor_day, usage_month_start(anchor_day, (clock_timestamp() AT TIME ZONE 'UTC')::date)) AS ends_at
      FROM subscription WHERE account_id = ${accountId}::uuid AND ends_at IS NULL`;
    if (!period) throw new AppError('not_found', 'There is no such account.');
    const { plan_code: current, ends_at: effectiveAt } = period;
    if (current === planCode) await transaction.planChange.deleteMany({ where: { accountId } });
    else {
      const change = { planCode, effectiveAt };
      await transaction.planChange.upsert({ where: { accountId }, create: { accountId, ...change }, update: change });
    }
    return effectiveAt;
  }

  /** Carries out the changes that are due; any number of processes may do it at once. Returns how many there were. */
  async applyDue(now: Date): Promise<number> {
    const due = await this.database.planChange.findMany({
      where: { effectiveAt: { lte: now } },
      orderBy: { effectiveAt: 'asc' },
      take: DUE_AT_ONCE,
    });
    let applied = 0;
    for (const { accountId } of due) {
      applied += await this.database.$transaction(async (transaction) => {
        await lockAccount(transaction, accountId);
        return (await applyDuePlanChange(transaction, accountId, now)) ? 1 : 0;
      });
    }
    return applied;
  }
}

/** The new plan begins at the moment for which it was planned, however late this is. The caller holds the account's lock. */
export async function applyDuePlanChange(
  transaction: Prisma.TransactionClient,
  accountId: string,
  now: Date,
): Promise<boolean> {
  const change = await transaction.planChange.findFirst({ where: { accountId, effectiveAt: { lte: now } } });
  if (!change) return false;
  await transaction.$executeRaw`SELECT set_config('tollgate.plan_change_due', ${change.effectiveAt.toISOString()}, true)`;
  await transaction.account.update({ where: { id: accountId }, data: { planCode: change.planCode } });
  await transaction.$executeRaw`SELECT set_config('tollgate.plan_change_due', '', true)`;
  await transaction.planChange.delete({ where: { accountId } });
  return true;
}

async function checkPlan(transaction: Prisma.TransactionClient, planCode: string): Promise<void> {
  const plan = await transaction.plan.findFirst({ where: { code: planCode, effectiveFrom: { lte: new Date() } } });
  if (!plan) throw new AppError('invalid_request', `tier: there is no plan "${planCode}"`, { param: 'tier' });
}

/** The lock that everything that changes what belongs to an account takes. */
async function lockAccount(transaction: Prisma.TransactionClient, accountId: string): Promise<void> {
  const locked = await transaction.$queryRaw<unknown[]>`
    SELECT 1 FROM account WHERE id = ${accountId}::uuid FOR NO KEY UPDATE`;
  if (locked.length === 0) throw new AppError('not_found', 'There is no such account.');
}
