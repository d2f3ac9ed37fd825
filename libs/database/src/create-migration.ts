import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { migrationsDirDefault, schemaFileDefault } from './package-files.mjs';
import { noFilters, readMigrations, readSchema, withSchemaEngine } from './schema-engine.js';

/**
 * Writes the SQL that leads from the existing migrations to schema.prisma into a new folder of prisma/migrations and returns
 * its path, or undefined when there is nothing to change. The migrations are replayed in a shadow database, which is
 * made in the server of `databaseUrl` and dropped; the database itself is not touched.
 */
export async function createMigration(databaseUrl: string, name: string): Promise<string | undefined> {
  const script = await diffFromMigrations(databaseUrl, migrationsDirDefault);
  if (script === '') return undefined;
  const timestamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
  const migrationDir = join(migrationsDirDefault, `${timestamp}_${name}`);
  await mkdir(migrationDir, { recursive: true });
  await writeFile(join(migrationDir, 'migration.sql'), script);
  return migrationDir;
}

/** The SQL that leads from the migrations in `migrationsDir` to schema.prisma; '' when they agree. */
export async function diffFromMigrations(databaseUrl: string, migrationsDir: string): Promise<string> {
  const from = await readMigrations(migrationsDir);
  const to = await readSchema(schemaFileDefault);
  const { exitCode, stdout } = await withSchemaEngine(databaseUrl, (engine) =>
    engine.diff({
      from: { tag: 'migrations', ...from },
      to: { tag: 'schemaDatamodel', ...to },
      script: true,
      exitCode: true,
      filters: noFilters,
    }),
  );
  return exitCode === 0 ? '' : (stdout ?? '');
}
