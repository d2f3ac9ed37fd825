import { Client } from 'pg';
import { v7 as uuidv7 } from 'uuid';

/** The yardstick: one connection that inserts a small row and commits it, again and again; rows a second. */
export async function insertLoop(databaseUrl: string, durationMs: number): Promise<number> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('CREATE TABLE IF NOT EXISTS bench_row (id uuid PRIMARY KEY, tokens int, at timestamptz)');
    const startedAt = performance.now();
    const endsAt = startedAt + durationMs;
    let rows = 0;
    while (performance.now() < endsAt) {
      await client.query({
        name: 'insert',
        text: 'INSERT INTO bench_row VALUES ($1, $2, now())',
        values: [uuidv7(), rows],
      });
      rows += 1;
    }
    return rows / ((performance.now() - startedAt) / 1_000);
  } finally {
    await client.end();
  }
}
