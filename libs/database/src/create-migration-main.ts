import { createMigration } from './create-migration.js';

// `pnpm db:migration <name>`. Reads DATABASE_URL, whose user must be allowed to create databases.

const databaseUrl = process.env['DATABASE_URL'];
const name = process.argv[2] ?? '';
if (!databaseUrl || !/^[a-z][a-z0-9_]*$/.test(name)) {
  console.error('Usage: DATABASE_URL=postgresql://… pnpm db:migration <name_in_snake_case>');
  process.exit(1);
}
try {
  const migrationDir = await createMigration(databaseUrl, name);
  console.log(
    migrationDir ? `Wrote ${migrationDir}; read it before you commit it` : 'The migrations agree with the schema',
  );
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
