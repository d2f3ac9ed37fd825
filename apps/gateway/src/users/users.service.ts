import { AppError, type Caller, type MeResponse } from '@tollgate/contracts';
import { Database } from '@tollgate/database';
import { Plans, UsageReader } from '@tollgate/metering';
import { Injectable } from '@nestjs/common';

@Injectable()
export class UsersService {
  constructor(
    private readonly database: Database,
    private readonly plans: Plans,
    private readonly usage: UsageReader,
  ) {}

  /** As the database has it now: the token may be older than an upgrade. */
  async describe(caller: Caller): Promise<MeResponse> {
    const user = await this.database.user.findFirst({ where: { id: caller.user_id }, include: { account: true } });
    if (!user) throw new AppError('unauthenticated', 'The user of this access token does not exist any more.');
    const [plan, { month, day }] = await Promise.all([
      this.plans.current(user.account.planCode),
      this.usage.forAccount(user.accountId),
    ]);
    return {
      id: user.id,
      account_id: user.accountId,
      email: user.email,
      role: user.role,
      tier: user.account.planCode,
      created_at: user.createdAt.toISOString(),
      usage: {
        tokens_this_month: {
          used: month.totalTokens,
          limit: Number(plan.tokensPerMonth),
          resets_at: month.resetsAt.toISOString(),
          input: month.inputTokens,
          output: month.outputTokens,
        },
        calls_today: { used: day.calls, limit: plan.callsPerDay, resets_at: day.resetsAt.toISOString() },
      },
    };
  }
}
