import type { MigrationList } from '@prisma/schema-engine-wasm';
import pg from 'pg';
import { migrationsDirDefault } from './package-files.mjs';
import { noFilters, readMigrations, withSchemaEngine, type SchemaEngine } from './schema-engine.js';

export interface MigrateOptions {
  /** Default: prisma/migrations of the repository. */
  migrationsDir?: string;
}

/** Any number that nothing else in the database uses as an advisory lock; Prisma's own is 72707369. */
const advisoryLockKey = 7_480_011_533;
const connectTimeoutMs = 10_000;

/**
 * Applies the migrations that the database does not have yet, each in a transaction, and returns their names. Keeps Prisma's
 * `_prisma_migrations` table, so `prisma migrate` understands the database too. A second caller waits for the first
 * one. Throws an Error of one line that names host and port, but never the password.
 */
export async function migrate(databaseUrl: string, options: MigrateOptions = {}): Promise<{ applied: string[] }> {
  const migrationsList = await readMigrations(options.migrationsDir ?? migrationsDirDefault);
  const client = await connect(databaseUrl);
  try {
    // Held by this connection alone, and so released by whatever ends it: the engine's own lock gives up after 10 s.
    await client.query('SELECT pg_advisory_lock($1)', [advisoryLockKey]);
    return { applied: await withSchemaEngine(databaseUrl, (engine) => apply(engine, migrationsList)) };
  } finally {
    await client.end();
  }
}

async function apply(engine: SchemaEngine, migrationsList: MigrationList): Promise<string[]> {
  try {
    const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters: noFilters });
    return appliedMigrationNames;
  } catch (error) {
    const { migrationName, reason } = readEngineError(error);
    if (migrationName === undefined) throw new Error(`The migrations were not applied: ${reason}`, { cause: error });
    // Its transaction is rolled back. Said in the table too, or the corrected migration would be refused for ever.
    await engine.markMigrationRolledBack({ migrationName });
    throw new Error(`Migration ${migrationName} failed and was rolled back: ${reason}`, { cause: error });
  }
}

/** The engine's message is the reason, on lines of their own, and then a trace that names the migration. */
function readEngineError(error: unknown): { migrationName: string | undefined; reason: string } {
  const message = reasonOf(error);
  const [head = ''] = message.split(/^ +0: /m);
  return {
    migrationName: /apply_script\s+with migration_name="([^"]+)"/.exec(message)?.[1],
    reason: head
      .replace('external connector error', '')
      .trim()
      .replace(/\s*\n\s*/g, ' '),
  };
}

async function connect(databaseUrl: string): Promise<pg.Client> {
  const address = addressOf(databaseUrl);
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: connectTimeoutMs });
  // A connection that breaks later fails the query that is under way; without a listener it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    throw new Error(`Cannot connect to the database at ${address}: ${reasonOf(error)}`, { cause: error });
  }
}

function addressOf(databaseUrl: string): string {
  const url = URL.parse(databaseUrl);
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol)) {
    throw new Error('The database URL is not of the form postgresql://user:password@host:port/database');
  }
  return `${url.hostname}:${url.port || '5432'}`;
}

/** Node reports a host with several addresses as an AggregateError without a message. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
