import { Injectable, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import { setTimeout as delay } from 'node:timers/promises';
import type { QueryResultRow } from 'pg';
import { PrismaClient } from './generated/client.js';
import { ScopedPool } from './scoped-pool.js';
import { StatementPool, type PreparedStatement } from './statement-pool.js';

export interface DatabaseOptions {
  url: string;
  /** Connections of this process at most. */
  poolMax?: number;
}

const poolMaxDefault = 10;
const connectTimeoutMs = 10_000;
/** Prisma's own 2 s to get a connection and 5 s to commit are missed by a machine that starts many processes at once. */
const transactionOptions = { maxWait: 10_000, timeout: 20_000 };

/**
 * The Prisma client of a process. Connects at its first query, so that a service starts while Postgres is away. Every
 * statement sees the rows of its scope only (data-scope.ts). Prisma joins `findUnique`s of one tick into one query, whichever request each
 * is of: outside of transactions use `findFirst`; and transactions are functions, never lists.
 */
@Injectable()
export class Database extends PrismaClient implements OnApplicationShutdown {
  private readonly statementPool: StatementPool;

  constructor(options: DatabaseOptions) {
    const pool = new ScopedPool({
      connectionString: options.url,
      max: options.poolMax ?? poolMaxDefault,
      connectionTimeoutMillis: connectTimeoutMs,
    });
    super({ adapter: new PrismaPg(pool, { disposeExternalPool: true }), transactionOptions });
    this.statementPool = new StatementPool({ url: options.url, connectTimeoutMs });
  }

  /**
   * For the few statements that every request waits for. They serve batches of many accounts, and so see all of them: the
   * account stands in each item. Rows come as `pg` reads them: a bigint is a string, a date a Date.
   * Raises pg's own errors, a `DatabaseError` with the SQLSTATE in `code` when Postgres refused.
   */
  runPrepared<Row extends QueryResultRow>(statement: PreparedStatement, values: readonly unknown[]): Promise<Row[]> {
    return this.statementPool.run<Row>(statement, values);
  }

  /** For readiness: throws when Postgres does not answer within `timeoutMs`, be it away, hung or out of connections. */
  async ping(timeoutMs = 1_000): Promise<void> {
    const answered = new AbortController();
    const timeout = delay(timeoutMs, undefined, { signal: answered.signal }).then(() => {
      throw new Error(`Postgres did not answer within ${timeoutMs} ms`);
    });
    try {
      await Promise.race([this.$queryRaw`SELECT 1`, timeout]);
    } finally {
      answered.abort();
    }
  }

  /** After the transports have drained: running requests still write. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.$disconnect(), this.statementPool.end()]);
  }
}

@Module({})
export class DatabaseModule {
  static forRoot(options: DatabaseOptions): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      providers: [{ provide: Database, useFactory: () => new Database(options) }],
      exports: [Database],
    };
  }
}
