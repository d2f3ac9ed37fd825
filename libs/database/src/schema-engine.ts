import { PrismaPg } from '@prisma/adapter-pg';
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import type { MigrationDirectory, MigrationList, SchemasContainer } from '@prisma/schema-engine-wasm';
import * as engineBindings from '@prisma/schema-engine-wasm/schema_engine_bg';
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { schemaEngineWasmFile } from './package-files.mjs';

// Prisma's schema engine, the program behind `prisma migrate`, as WebAssembly. The CLI would download a native binary at
// its first use, from a host that closed networks refuse; the package of this one comes from the npm registry.

export type SchemaEngine = engineBindings.SchemaEngine;

// Node has it, but only TypeScript's library for browsers declares it.
declare const WebAssembly: {
  instantiate(
    bytes: Uint8Array,
    imports: Record<string, object>,
  ): Promise<{ instance: { exports: { __wbindgen_start(): void } } }>;
};

export const noFilters = { externalTables: [], externalEnums: [] };

/** Runs `use` with an engine that works on the database of `databaseUrl`; everything it opened is closed afterwards. */
export async function withSchemaEngine<Result>(
  databaseUrl: string,
  use: (engine: SchemaEngine) => Promise<Result>,
): Promise<Result> {
  await loadEngine();
  const connections = new EngineConnections(databaseUrl);
  try {
    const adapter = bindMigrationAwareSqlAdapterFactory(connections);
    const engine = await engineBindings.SchemaEngine.new({ datamodels: undefined }, () => undefined, adapter);
    try {
      return await use(engine);
    } finally {
      engine.free();
    }
  } finally {
    await connections.close();
  }
}

/** Reads a folder of migrations the way Prisma lays it out: `<timestamp>_<name>/migration.sql` and migration_lock.toml. */
export async function readMigrations(migrationsDir: string): Promise<MigrationList> {
  const entries = await readdir(migrationsDir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return {
    baseDir: migrationsDir,
    lockfile: {
      path: 'migration_lock.toml',
      content: await readFile(join(migrationsDir, 'migration_lock.toml'), 'utf8'),
    },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(names.toSorted().map((name) => readMigration(migrationsDir, name))),
  };
}

export async function readSchema(schemaFile: string): Promise<SchemasContainer> {
  return { files: [{ path: schemaFile, content: await readFile(schemaFile, 'utf8') }] };
}

async function readMigration(migrationsDir: string, name: string): Promise<MigrationDirectory> {
  const content = await readFile(join(migrationsDir, name, 'migration.sql'), 'utf8');
  return { path: name, migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: content } } };
}

let engineLoaded: Promise<void> | undefined;

function loadEngine(): Promise<void> {
  engineLoaded ??= (async () => {
    const { instance } = await WebAssembly.instantiate(await readFile(schemaEngineWasmFile), {
      './schema_engine_bg.js': importsOfEngine(),
    });
    engineBindings.__wbg_set_wasm(instance.exports);
    instance.exports.__wbindgen_start();
  })();
  return engineLoaded;
}

/** What the engine calls in JavaScript. Its timer for a lock of its own (10 s, never cleared) must not hold the process. */
function importsOfEngine(): Record<string, unknown> {
  const entries = Object.entries(engineBindings).map(([name, binding]): [string, unknown] => {
    if (typeof binding !== 'function' || !name.startsWith('__wbg_setTimeout_')) return [name, binding];
    const setTimer = (...args: unknown[]) => {
      const timer: NodeJS.Timeout = Reflect.apply(binding, undefined, args);
      return timer.unref();
    };
    return [name, setTimer];
  });
  return Object.fromEntries(entries);
}

/**
 * What PrismaPg does, but for three things that it gets wrong for migrations (7.10.0): it cuts scripts at every semicolon,
 * also inside of a function's body; its shadow database is ignored when the connection is given as a URL, so that the
 * engine would replay migrations on the real one; and it refuses Postgres' internal type "char", which the engine reads
 * from the catalogue (prisma/orm#27403).
 */
class EngineConnections implements SqlMigrationAwareDriverAdapterFactory {
  readonly provider = 'postgres';
  readonly adapterName = '@prisma/adapter-pg';
  private readonly opened = new Set<SqlDriverAdapter>();

  constructor(private readonly databaseUrl: string) {}

  connect(): Promise<SqlDriverAdapter> {
    return this.open(this.databaseUrl);
  }

  async connectToShadowDb(): Promise<SqlDriverAdapter> {
    const name = `tollgate_shadow_${randomUUID().replaceAll('-', '')}`;
    const shadowUrl = new URL(this.databaseUrl);
    shadowUrl.pathname = `/${name}`;
    await this.administer(`CREATE DATABASE ${name}`);
    return this.open(shadowUrl.href, () => this.administer(`DROP DATABASE ${name} WITH (FORCE)`));
  }

  async close(): Promise<void> {
    await Promise.all([...this.opened].map((adapter) => adapter.dispose()));
  }

  private async open(url: string, afterDispose?: () => Promise<void>): Promise<SqlDriverAdapter> {
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    const adapter: SqlDriverAdapter = await new PrismaPg(pool, { disposeExternalPool: true }).connect();
    const dispose = adapter.dispose.bind(adapter);
    adapter.dispose = async () => {
      if (!this.opened.delete(adapter)) return;
      await dispose();
      await afterDispose?.();
    };
    adapter.queryRaw = readInternalChars(pool, adapter.queryRaw.bind(adapter));
    // Without parameters this is Postgres' simple protocol: many statements in one message, run as one transaction.
    adapter.executeScript = async (script) => {
      await adapter.executeRaw({ sql: script, args: [], argTypes: [] });
    };
    this.opened.add(adapter);
    return adapter;
  }

  private async administer(statement: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.databaseUrl });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  }
}

const internalCharOid = 18;
const uuidOid = 2950;

/** Sends "char" columns through the adapter as uuid, which the engine never reads, and corrects their type behind it. */
function readInternalChars(pool: pg.Pool, queryRaw: SqlDriverAdapter['queryRaw']): SqlDriverAdapter['queryRaw'] {
  const query: (config: pg.QueryArrayConfig) => Promise<pg.QueryArrayResult | pg.QueryArrayResult[]> =
    pool.query.bind(pool);
  const queryAsUuid = async (config: pg.QueryArrayConfig) => {
    const result = await query(config);
    for (const field of [result].flat().flatMap(({ fields }) => fields)) {
      if (field.dataTypeID === internalCharOid) field.dataTypeID = uuidOid;
    }
    return result;
  };
  Object.assign(pool, { query: queryAsUuid });
  return async (params) => {
    const result = await queryRaw(params);
    const columnTypes = result.columnTypes.map((type) =>
      type === ColumnTypeEnum.Uuid ? ColumnTypeEnum.Character : type,
    );
    return { ...result, columnTypes };
  };
}
