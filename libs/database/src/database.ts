import { Injectable, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import { setTimeout as delay } from 'node:timers/promises';
import { PrismaClient } from './generated/client.js';

export interface DatabaseOptions {
  url: string;
  /** Connections of this process at most. */
  poolMax?: number;
}

const poolMaxDefault = 10;
const connectTimeoutMs = 5_000;
/** Prisma's own 2 s to get a connection and 5 s to commit are missed by a machine that starts many processes at once. */
const transactionOptions = { maxWait: 10_000, timeout: 20_000 };

/** The Prisma client of a process. Connects at its first query, so that a service starts while Postgres is away. */
@Injectable()
export class Database extends PrismaClient implements OnApplicationShutdown {
  constructor(options: DatabaseOptions) {
    const adapter = new PrismaPg({
      connectionString: options.url,
      max: options.poolMax ?? poolMaxDefault,
      connectionTimeoutMillis: connectTimeoutMs,
    });
    super({ adapter, transactionOptions });
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
    await this.$disconnect();
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
