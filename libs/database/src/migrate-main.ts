import { migrate } from './migrate.js';

// `node libs/database/dist/migrate-main.js`, in production images before the services start. Reads DATABASE_URL.

const databaseUrl = process.env['DATABASE_URL'];
if (!databaseUrl) {
  console.error('DATABASE_URL is not set');
  process.exit(1);
}
try {
  const { applied } = await migrate(databaseUrl);
  console.log(applied.length === 0 ? 'The database is up to date' : `Applied ${applied.join(', ')}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
