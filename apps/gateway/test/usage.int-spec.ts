import { Database } from '@tollgate/database';
import { UsagePage } from '@tollgate/contracts';
import { bearer, bootGateway, newUser, type Gateway } from './gateway.js';
import { recordServed } from './served-attempt.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
/** Two days ago, at ten past three. */
const then = today - 2 * DAY_MS + 3 * HOUR_MS + 10 * 60_000;

let gateway: Gateway;
let alice: Awaited<ReturnType<typeof person>>;
let bob: Awaited<ReturnType<typeof person>>;
let admin: Awaited<ReturnType<typeof person>>;

beforeAll(async () => {
  gateway = await bootGateway();
  [alice, bob, admin] = [await person(), await person(), await person('admin')];
  for (const [owner, task, startedAt, input] of [
    [alice, 'summary', then, 100],
    [alice, 'summary', then + 30_000, 200],
    [alice, 'chat', then + 2 * HOUR_MS, 1_000],
    [alice, 'chat', today, 5_000],
    [bob, 'chat', then, 70_000],
  ] as const) {
    await use(owner, task, startedAt, input);
  }
}, 60_000);
afterAll(() => gateway.close());

async function person(role: 'account_admin' | 'admin' = 'account_admin') {
  const user = await newUser(gateway);
  const row = await gateway.app.get(Database).user.update({ where: { email: user.email }, data: { role } });
  return { ...user, userId: row.id, accountId: row.accountId };
}

/** A completed attempt with a tenth as much output as input, at 1 USD a million for us and 2 for the customer. */
async function use(owner: { accountId: string; userId: string }, task: string, startedAtMs: number, input: number) {
  const { accountId, userId } = owner;
  const [tokens, startedAt] = [{ input, cached: 0, output: input / 10 }, new Date(startedAtMs)];
  await recordServed(gateway.app, { accountId, userId, task, tokens, cost: 1_000_000n, charge: 2_000_000n, startedAt });
}

const range = `start_time=${(today - 3 * DAY_MS) / 1_000}&end_time=${(today + DAY_MS) / 1_000}`;

async function page(path: string, who: { bearer: Record<string, string> }) {
  const answer = await gateway.get(path, who.bearer);
  expect([path, answer.status]).toEqual([path, 200]);
  return UsagePage.parse(answer.body);
}

const inputs = ({ data }: UsagePage) => data.flatMap(({ results }) => results.map((result) => result.input_tokens));
const total = (found: UsagePage) => inputs(found).reduce((sum, each) => sum + each, 0);

describe('usage', () => {
  it('comes in buckets of a day, those without any use included, and sums to what the ledger has', async () => {
    const found = await page(`/api/v1/usage?${range}`, alice);
    expect(found.data.map(({ start_time }) => start_time * 1_000)).toEqual(
      [3, 2, 1, 0].map((ago) => today - ago * DAY_MS),
    );
    expect(found.data.map(({ results }) => results.length)).toEqual([0, 1, 0, 1]);
    expect(found.data[1]?.results[0]).toEqual({
      object: 'usage.result',
      user: null,
      account: null,
      tier: null,
      model: null,
      provider: null,
      task: null,
      attempts: 3,
      failed_attempts: 0,
      cache_hits: 0,
      input_tokens: 1_300,
      cached_tokens: 0,
      output_tokens: 130,
      reasoning_tokens: 0,
      counted_tokens: 1_430,
      charge_micro_usd: '2860',
    });
    expect([found.has_more, found.next_page]).toEqual([false, null]);
  });

  it('is the same by hour and by minute, wherever it is read from', async () => {
    const hours = await page(`/api/v1/usage?${range}&bucket_width=1h&limit=168`, alice);
    expect(total(hours)).toBe(6_300);
    const minuteRange = `start_time=${then / 1_000}&end_time=${(then + HOUR_MS) / 1_000}&bucket_width=1m`;
    const minutes = await page(`/api/v1/usage?${minuteRange}`, alice);
    expect(minutes.data).toHaveLength(60);
    expect(inputs(minutes)).toEqual([300]);
    expect(minutes.data[0]?.results[0]?.charge_micro_usd).toBe('660');
  });

  it('is grouped by what is asked for', async () => {
    const found = await page(`/api/v1/usage?${range}&group_by[]=task&group_by[]=user`, alice);
    expect(
      found.data[1]?.results.map(({ task, user, model, input_tokens }) => [task, user, model, input_tokens]),
    ).toEqual([
      ['chat', alice.userId, null, 1_000],
      ['summary', alice.userId, null, 300],
    ]);
  });

  it('comes in pages that have every bucket once', async () => {
    const starts: number[] = [];
    let next: string | null = '';
    while (next !== null) {
      const found: UsagePage = await page(
        `/api/v1/usage?${range}&bucket_width=1h&limit=7${next && `&page=${next}`}`,
        alice,
      );
      starts.push(...found.data.map(({ start_time }) => start_time));
      next = found.next_page;
    }
    expect(starts).toEqual(Array.from({ length: 96 }, (_, hour) => (today - 3 * DAY_MS + hour * HOUR_MS) / 1_000));
  });

  it('is never that of another account, whatever the query says', async () => {
    for (const query of ['', `&account_id=${bob.accountId}`, `&group_by[]=account`]) {
      const found = await page(`/api/v1/usage?${range}${query}`, alice);
      expect(total(found)).toBe(6_300);
    }
    expect(total(await page(`/api/v1/usage?${range}&user_id=${bob.userId}`, alice))).toBe(0);
    expect((await gateway.get(`/api/v1/admin/usage?${range}`, alice.bearer)).status).toBe(403);
  });

  it('is their own alone for a user who does not run the account', async () => {
    const second = await newUser(gateway);
    const db = gateway.app.get(Database);
    await db.user.update({ where: { email: second.email }, data: { accountId: alice.accountId, role: 'user' } });
    const login = await gateway.post('/api/v1/auth/login', { email: second.email, password: 'correct horse battery' });
    const own = bearer(String(login.body['access_token']));
    expect(total(await page(`/api/v1/usage?${range}`, { bearer: own }))).toBe(0);
    expect(total(await page(`/api/v1/usage?${range}&user_id=${alice.userId}`, { bearer: own }))).toBe(0);
  });

  it('of all accounts is for admins, with what it cost us', async () => {
    const found = await page(`/api/v1/admin/usage?${range}&group_by[]=account`, admin);
    const results = found.data[1]?.results ?? [];
    expect(new Map(results.map(({ account, input_tokens }) => [account, input_tokens]))).toEqual(
      new Map([
        [alice.accountId, 1_300],
        [bob.accountId, 70_000],
      ]),
    );
    expect(results.find(({ account }) => account === bob.accountId)?.provider_cost_micro_usd).toBe('77000');
    expect(total(await page(`/api/v1/admin/usage?${range}&account_id=${bob.accountId}`, admin))).toBe(70_000);
    const minutes = `start_time=${then / 1_000}&end_time=${(then + HOUR_MS) / 1_000}&bucket_width=1m`;
    expect(total(await page(`/api/v1/admin/usage?${minutes}`, admin))).toBe(70_300);
    expect(total(await page(`/api/v1/admin/usage?${minutes}&user_id=${bob.userId}`, admin))).toBe(70_000);
  });

  it('comes as CSV and NDJSON with the same sums', async () => {
    const csv = await fetch(`${gateway.url}/api/v1/usage?${range}&group_by[]=task`, {
      headers: { ...alice.bearer, accept: 'text/csv' },
    });
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(csv.headers.get('content-disposition')).toBe('attachment; filename="usage.csv"');
    const [header, ...lines] = (await csv.text()).trimEnd().split('\r\n');
    const column = header?.split(',').indexOf('input_tokens') ?? -1;
    expect(lines.map((line) => Number(line.split(',')[column]))).toEqual([1_000, 300, 5_000]);

    const ndjson = await fetch(`${gateway.url}/api/v1/usage?${range}&group_by[]=task&format=ndjson`, {
      headers: alice.bearer,
    });
    const objects = (await ndjson.text())
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(objects).toMatchObject([{ task: 'chat' }, { task: 'summary', input_tokens: 300 }, { task: 'chat' }]);
  });

  it('needs a key of the scope "usage"', async () => {
    const body = { name: 'x', scopes: ['inference'] };
    const { body: created } = await gateway.post('/api/v1/api-keys', body, alice.bearer);
    expect((await gateway.get('/api/v1/usage', bearer(String(created['key'])))).status).toBe(403);
  });

  it('with a query that makes no sense is 400 and names the parameter', async () => {
    const answer = await gateway.get('/api/v1/usage?bucket_width=1w', alice.bearer);
    expect([answer.status, answer.body.error?.param]).toEqual([400, 'bucket_width']);
    expect(answer.body['detail']).toMatchObject([{ loc: ['query', 'bucket_width'] }]);
  });
});
