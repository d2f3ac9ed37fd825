import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { Caller } from '@tollgate/contracts';
import { runInRequest } from '@tollgate/observability';
import { asService, Database, migrate } from '../src/index.js';

const adminUrl = process.env['TEST_DATABASE_URL'] ?? '';
const databaseNames: string[] = [];
const roleNames: string[] = [];

/** Of no account: what everybody may read. */
const sharedTables = ['_prisma_migrations', 'plan', 'price_version'];

let url: string;
let database: Database;
let owner: pg.Client;
let [mine, theirs] = [newCaller(), newCaller()];

beforeAll(async () => {
  url = await newDatabase();
  await migrate(url);
  database = new Database({ url, poolMax: 2 });
  owner = new pg.Client({ connectionString: url });
  await owner.connect();
});
beforeEach(async () => {
  [mine, theirs] = [newCaller(), newCaller()];
  for (const caller of [mine, theirs]) await insertRowsOf(caller);
});
afterAll(async () => {
  await database.onApplicationShutdown();
  await owner.end();
  for (const name of databaseNames) await administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  for (const name of roleNames) await administer(`DROP ROLE IF EXISTS ${name}`);
});

describe('row-level security', () => {
  it('guards every table with an account_id, every partition, and every other table that is not listed as shared', async () => {
    const { rows } = await owner.query<{ name: string; policies: string[] | null; on: boolean; has_account: boolean }>(`
      SELECT relname AS name, relrowsecurity AS on,
        (SELECT array_agg(polname::text ORDER BY polname) FROM pg_policy WHERE polrelid = pg_class.oid) AS policies,
        EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'account_id') AS has_account
      FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace`);
    expect(rows.filter(({ has_account }) => has_account).length).toBeGreaterThan(12);
    const open = rows.filter(({ on, policies }) => !on || policies?.join() !== 'of_account,of_service');
    expect(open.map(({ name }) => name).sort()).toEqual(sharedTables);
  });

  it.each([
    ['account', 'id = $1'],
    ['app_user', 'account_id = $1'],
    ['subscription', 'account_id = $1'],
    ['api_key', 'account_id = $1'],
    ['usage_window', 'account_id = $1'],
    ['audit_entry', 'account_id = $1'],
    ['chat_session', 'account_id = $1'],
    ['refresh_token', 'user_id IN (SELECT id FROM app_user WHERE account_id = $1)'],
    ['chat_message', 'session_id IN (SELECT id FROM chat_session WHERE account_id = $1)'],
    ['llm_batch_prompt', 'batch_id IN (SELECT id FROM llm_batch WHERE account_id = $1)'],
    ['log_chunk', 'upload_id IN (SELECT id FROM log_upload WHERE account_id = $1)'],
  ])('shows of %s only the rows of the caller when a query forgets its account', async (table, condition) => {
    const ownRows = `SELECT count(*)::int AS count FROM ${table} WHERE ${condition}`;
    const expected = await owner.query<{ count: number }>(ownRows, [mine.account_id]);
    expect(expected.rows[0]?.count).toBeGreaterThan(0);
    const seen = await asCaller(mine, () => database.$queryRawUnsafe(`SELECT count(*)::int AS count FROM ${table}`));
    expect(seen).toEqual(expected.rows);
    const all = await database.$queryRawUnsafe<{ count: number }[]>(`SELECT count(*)::int AS count FROM ${table}`);
    expect(all[0]?.count).toBeGreaterThan(Number(expected.rows[0]?.count));
  });

  it('lets an update or a delete that forgets its account change only rows of the caller', async () => {
    const renamed = await asCaller(mine, () => database.chatSession.updateMany({ data: { title: 'renamed' } }));
    expect(renamed.count).toBe(1);
    const deleted = await asCaller(mine, () => database.chatMessage.deleteMany());
    expect(deleted.count).toBe(1);
    expect(await database.chatSession.count({ where: { accountId: theirs.account_id, title: 'one' } })).toBe(1);
    expect(await database.chatMessage.count({ where: { session: { accountId: theirs.account_id } } })).toBe(1);
  });

  it('refuses a row that is written for another account', async () => {
    const data = { id: randomUUID(), accountId: theirs.account_id, userId: theirs.user_id, title: 'planted' };
    await expect(asCaller(mine, () => database.chatSession.create({ data }))).rejects.toThrow(/row-level security/);
    const where = { accountId: mine.account_id };
    const moved = asCaller(mine, () =>
      database.chatSession.updateMany({ where, data: { accountId: theirs.account_id } }),
    );
    await expect(moved).rejects.toThrow(/row-level security/);
  });

  it('shows nothing to a request whose caller is not known yet, and everything to the work of the service', async () => {
    const context = { requestId: randomUUID(), traceparent: '' };
    expect(await runInRequest(context, async () => database.user.count())).toBe(0);
    const whole = await database.user.count();
    expect(whole).toBeGreaterThan(1);
    expect(await asCaller(mine, () => asService(() => database.user.count()))).toBe(whole);
    const admin = { ...context, caller: mine, isForAllAccounts: true };
    expect(await runInRequest(admin, async () => database.user.count())).toBe(whole);
  });

  it('shows what is of all accounts together to the service alone', async () => {
    expect(await asCaller(mine, () => database.usageTotalsState.count())).toBe(0);
    expect(await database.usageTotalsState.count()).toBe(1);
  });

  it('lets nobody add to what is of all accounts together but the ledger itself', async () => {
    const add = async () => database.$executeRaw`SELECT total_late_hours('{}')`;
    await expect(asCaller(mine, add)).rejects.toThrow('called by the trigger of usage_attempt alone');
    await expect(asService(add)).rejects.toThrow('called by the trigger of usage_attempt alone');
  });

  it('keeps two accounts apart on shared connections, also those that wait for one', async () => {
    const seen = await Promise.all(
      Array.from({ length: 200 }, (_, index) => {
        const caller = index % 2 === 0 ? mine : theirs;
        return asCaller(caller, async () => {
          const [user] = await database.user.findMany();
          return user?.id === caller.user_id && (await database.user.count()) === 1;
        });
      }),
    );
    expect(new Set(seen)).toEqual(new Set([true]));
  });

  it('holds inside transactions, after one that failed, and on the connection that it used', async () => {
    const inside = await asCaller(mine, () => database.$transaction(async (tx) => [await tx.user.count()]));
    expect(inside).toEqual([1]);
    await expect(
      asCaller(mine, () =>
        database.$transaction(async (tx) => {
          await tx.$queryRaw`SELECT 1 / 0`;
        }),
      ),
    ).rejects.toThrow('division by zero');
    const counts = await Promise.all([mine, theirs].map((caller) => asCaller(caller, () => database.user.count())));
    expect(counts).toEqual([1, 1]);
    const context = { requestId: randomUUID(), traceparent: '' };
    expect(await runInRequest(context, async () => database.user.count())).toBe(0);
  });

  it('takes no further round trip: scope and statement travel together', async () => {
    await asCaller(mine, async () => database.user.count());
    const sent = jest.spyOn(pg.Connection.prototype, 'sync');
    await asCaller(mine, async () => database.user.count());
    expect(sent).toHaveBeenCalledTimes(1);
    sent.mockRestore();
  });
});

describe('a server without a superuser of ours', () => {
  it('is migrated by an owner and used by a login that may neither bypass the policies nor change the tables', async () => {
    const [manager, login] = [newName('manager'), newName('login')];
    roleNames.push(login, manager);
    await administer(`CREATE ROLE ${manager} LOGIN PASSWORD 'x' NOSUPERUSER CREATEROLE`);
    await administer(`GRANT tollgate_app, tollgate_service TO ${manager} WITH ADMIN OPTION`);
    const managed = new URL(await newDatabase(manager));
    Object.assign(managed, { username: manager, password: 'x' });
    await migrate(managed.href);
    const manage = new pg.Client({ connectionString: managed.href });
    await manage.connect();
    await manage.query(`CREATE ROLE ${login} LOGIN PASSWORD 'x' IN ROLE tollgate_app, tollgate_service`);
    await manage.end();
    const service = new Database({ url: Object.assign(new URL(managed), { username: login }).href });
    await service.account.create({ data: { id: mine.account_id, planCode: 'free' } });
    expect(await asCaller(mine, () => service.account.count())).toBe(1);
    expect(await asCaller(theirs, () => service.account.count())).toBe(0);
    await expect(service.$executeRaw`ALTER TABLE account DISABLE ROW LEVEL SECURITY`).rejects.toThrow('must be owner');
    expect(await service.$queryRaw`SELECT make_usage_partitions(current_date + 200)`).not.toHaveLength(0);
    await service.onApplicationShutdown();
  });
});

async function insertRowsOf({ account_id: accountId, user_id: userId }: Caller): Promise<void> {
  const [sessionId, batchId] = [randomUUID(), randomUUID()];
  const insert = (table: string, row: Record<string, unknown>) => {
    const places = Object.keys(row).map((_, index) => `$${index + 1}`);
    return owner.query(
      `INSERT INTO ${table} (${Object.keys(row).join()}) VALUES (${places.join()})`,
      Object.values(row),
    );
  };
  const [account_id, user_id, expires_at] = [accountId, userId, new Date(Date.now() + 60_000)];
  await insert('account', { id: accountId, plan_code: 'free' });
  await insert('app_user', {
    id: userId,
    account_id,
    email: `${userId}@x.com`,
    password_hash: '',
    updated_at: new Date(),
  });
  await insert('refresh_token', { id: randomUUID(), user_id, family_id: randomUUID(), token_hash: userId, expires_at });
  const key = { id: randomUUID(), account_id, user_id, name: 'x', start: 'x', key_hash: userId, scopes: [] };
  await insert('api_key', key);
  await insert('usage_window', { account_id, kind: 'calls_day', starts_on: '2026-01-01', ends_on: '2026-01-02' });
  await insert('audit_entry', { id: randomUUID(), request_id: randomUUID(), action: 'x', subject: 'x', account_id });
  await insert('chat_session', { id: sessionId, account_id, user_id, title: 'one' });
  const message = { id: randomUUID(), session_id: sessionId, position: 2, sender: 'user', content: 'x' };
  await insert('chat_message', { ...message, state: 'complete', request_id: randomUUID() });
  await insert('llm_batch', { id: batchId, account_id, caller: {}, settings: {}, total: 1, expires_at });
  await insert('llm_batch_prompt', { batch_id: batchId, index: 0, prompt: 'x' });
  await insert('log_upload', { id: batchId, account_id, expires_at });
  await insert('log_chunk', {
    upload_id: batchId,
    index: 0,
    lines: 1,
    bytes: 1,
    ends_line: true,
    data: Buffer.from('x'),
  });
}

/** The async function begins what Prisma returns inside. */
function asCaller<Result>(caller: Caller, work: () => PromiseLike<Result>): Promise<Result> {
  return runInRequest({ requestId: randomUUID(), traceparent: '', caller }, async () => work());
}

function newCaller(): Caller {
  return { account_id: randomUUID(), user_id: randomUUID(), tier: 'free', role: 'account_admin' };
}

function newName(kind: string): string {
  return `${kind}_${randomUUID().replaceAll('-', '')}`;
}

async function newDatabase(ownedBy?: string): Promise<string> {
  const name = newName('walled');
  databaseNames.push(name);
  await administer(`CREATE DATABASE ${name} ${ownedBy ? `OWNER ${ownedBy}` : ''}`);
  return Object.assign(new URL(adminUrl), { pathname: `/${name}` }).href;
}

async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
