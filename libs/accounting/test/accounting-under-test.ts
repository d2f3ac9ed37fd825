import { randomUUID } from 'node:crypto';
import { Database, DatabaseModule, type Plan } from '@tollgate/database';
import { Corrections, Holds, Ledger, loadPlansFile, MeteringModule, Prices } from '@tollgate/metering';
import { ObservabilityModule } from '@tollgate/observability';
import { newTestDatabase } from '@tollgate/testing';
import { NestFactory } from '@nestjs/core';
import { v7 as uuidv7 } from 'uuid';
import { AccountingModule, Invoices, Invoicing } from '../src/index.js';

/** 24 hours and a little more. */
const AFTER_GRACE_MS = 25 * 3_600_000;

export interface Served {
  callId: string;
  attemptNumber: number;
}

export interface AccountingUnderTest {
  databaseUrl: string;
  database: Database;
  invoicing: Invoicing;
  invoices: Invoices;
  corrections: Corrections;
  prices: Prices;
  newPlan(terms: Partial<Plan>): Promise<string>;
  newAccount(planCode: string, createdAt: string): Promise<string>;
  /** An attempt of so many tokens, all of them input, that started then; list price 2 USD a million. */
  serve(accountId: string, tokens: number, at: string): Promise<Served>;
  /** As it happens now, or as a change that was due then. */
  changePlan(accountId: string, planCode: string, at: string): Promise<void>;
  /** Takes every step that is due by then, as often as there is one. */
  runUntil(accountId: string, now: string): Promise<void>;
  /** All invoices of the account, the oldest first. */
  of(accountId: string): Promise<Awaited<ReturnType<Invoices['get']>>[]>;
  /** A statement of somebody with a database client, and Postgres' own errors. */
  execute(statement: string): Promise<unknown>;
  stop(): Promise<void>;
}

export async function startAccounting(): Promise<AccountingUnderTest> {
  const testDatabase = await newTestDatabase();
  const root = {
    module: class AccountingTest {},
    imports: [
      ObservabilityModule.forRoot({ info: { service: 'test' }, logLevel: 'fatal', inject: [], readiness: () => [] }),
      DatabaseModule.forRoot({ url: testDatabase.url }),
      MeteringModule.forRoot({ plans: loadPlansFile('config/plans.yaml') }),
      AccountingModule,
    ],
  };
  const app = await NestFactory.createApplicationContext(root, { logger: false });
  const [database, invoicing, invoices] = [app.get(Database), app.get(Invoicing), app.get(Invoices)];
  const list = { input: 2_000_000n, cachedInput: 2_000_000n, output: 2_000_000n };
  const [price] = await app.get(Prices).publish([{ provider: 'p', model: 'm', cost: list, charge: list }]);
  if (!price) throw new Error('no price');
  return {
    databaseUrl: testDatabase.url,
    database,
    invoicing,
    invoices,
    corrections: app.get(Corrections),
    prices: app.get(Prices),
    async newPlan(terms) {
      const code = `plan_${randomUUID().replaceAll('-', '_')}`;
      await database.plan.create({
        data: {
          code,
          version: 1,
          fee: 0n,
          tokensPerMonth: 1_000n,
          tokensOverage: 'bill',
          tokensHardCap: 1_000_000_000n,
          overagePrice: 1_000_000n,
          callsPerDay: 1_000_000,
          requestsPerMinute: 1,
          concurrentRequests: 1,
          maxOutputTokens: 100,
          effectiveFrom: new Date(0),
          ...terms,
        },
      });
      return code;
    },
    async newAccount(planCode, createdAt) {
      const account = await database.account.create({
        data: { id: uuidv7(), planCode, name: 'Ada & Sons', createdAt: new Date(createdAt) },
      });
      return account.id;
    },
    async serve(accountId, tokens, at) {
      const startedAt = new Date(at);
      const callId = uuidv7({ msecs: startedAt.getTime() });
      const hold = await app.get(Holds).take({
        callId,
        attemptNumber: 1,
        requestId: uuidv7(),
        accountId,
        userId: randomUUID(),
        task: 'chat',
        price,
        tokensInput: tokens,
        tokensOutputMax: 0,
        at: startedAt,
      });
      const end = {
        tokens: { input: tokens, cached: 0, output: 0 },
        usageSource: 'provider',
        outcome: 'completed',
      } as const;
      await app.get(Ledger).settle(hold, { ...end, finishedAt: new Date(startedAt.getTime() + 1_000) });
      return { callId, attemptNumber: 1 };
    },
    async changePlan(accountId, planCode, at) {
      await database.$transaction(async (transaction) => {
        await transaction.$executeRaw`SELECT set_config('tollgate.plan_change_due', ${at}, true)`;
        await transaction.account.update({ where: { id: accountId }, data: { planCode } });
      });
    },
    async runUntil(accountId, now) {
      for (;;) {
        const schedule = await database.invoiceSchedule.findUniqueOrThrow({ where: { accountId } });
        const due = Math.min(schedule.nextAt.getTime() + AFTER_GRACE_MS, Date.parse(now));
        if ((await invoicing.advance(accountId, new Date(due))) === 'waiting') return;
        if (schedule.nextAt.getTime() + AFTER_GRACE_MS > Date.parse(now)) return;
      }
    },
    async of(accountId) {
      const { data } = await invoices.list({ accountId, limit: 200 });
      return data.sort((one, other) => one.month_start.localeCompare(other.month_start));
    },
    execute: (statement) => database.runPrepared({ name: randomUUID(), text: statement }, []),
    async stop() {
      await app.close();
      await testDatabase.drop();
    },
  };
}
