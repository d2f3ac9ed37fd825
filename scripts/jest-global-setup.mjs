// For the integration and e2e projects: one Postgres and one Redis for the whole run, and a migrated database that specs
// copy: `createTestDatabase(process.env.TEST_DATABASE_URL, process.env.TEST_DATABASE_TEMPLATE)`. Workers inherit the
// environment. This file runs outside of Jest's module system and so uses the compiled libs.
import { migrate } from '../libs/database/dist/index.js';
import { createTestDatabase, startTestServers } from '../libs/testing/dist/index.js';

/** @type {(() => Promise<void>) | undefined} */
let stopServers;

export default async function setup() {
  const servers = await startTestServers();
  stopServers = () => servers.stop();
  try {
    const template = await createTestDatabase(servers.databaseUrl);
    await migrate(template.url);
    process.env['TEST_DATABASE_URL'] = servers.databaseUrl;
    process.env['TEST_REDIS_URL'] = servers.redisUrl;
    process.env['TEST_DATABASE_TEMPLATE'] = new URL(template.url).pathname.slice(1);
    stopServers = async () => {
      await template.drop();
      await servers.stop();
    };
  } catch (error) {
    await servers.stop();
    throw error;
  }
}

export async function teardown() {
  await stopServers?.();
}
