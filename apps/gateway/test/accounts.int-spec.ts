import { randomUUID } from 'node:crypto';
import { Database } from '@tollgate/database';
import { eventually } from '@tollgate/testing';
import { bearer, bootGateway, newUser, PASSWORD, type Gateway } from './gateway.js';
import { recordServed } from './served-attempt.js';

const ADMIN_EMAIL = 'admin@example.com';

let gateway: Gateway;
let database: Database;
let admin: { authorization: string };

beforeAll(async () => {
  gateway = await bootGateway({ ADMIN_EMAIL, ADMIN_PASSWORD: PASSWORD });
  database = gateway.app.get(Database);
  const { body } = await gateway.post('/api/v1/auth/login', { email: ADMIN_EMAIL, password: PASSWORD });
  admin = bearer(String(body['access_token']));
}, 60_000);
afterAll(() => gateway.close());

async function send(method: string, path: string, headers: Record<string, string>, body?: unknown) {
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const response = await fetch(gateway.url + path, {
    method,
    headers: { ...type, ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text.startsWith('{') ? JSON.parse(text) : text };
}

/** Somebody who runs an account of their own. */
async function owner() {
  const user = await newUser(gateway);
  const row = await database.user.findUniqueOrThrow({ where: { email: user.email } });
  return { ...user, id: row.id, accountId: row.accountId };
}

const lastEntry = async (accountId: string) => {
  const { body } = await send('GET', `/api/v1/admin/audit?account_id=${accountId}`, admin);
  return body.data.find(({ action }: { action: string }) => !action.startsWith('auth.'));
};

describe('an account', () => {
  it('is created with an invitation, whose holder runs it', async () => {
    const email = `${randomUUID()}@example.com`;
    const created = await send('POST', '/api/v1/admin/accounts', admin, {
      name: 'Ada & Sons',
      tier: 'pro',
      admin_email: email,
    });
    expect(created).toMatchObject({
      status: 201,
      body: { account: { name: 'Ada & Sons', tier: 'pro' }, invite: { email, role: 'account_admin' } },
    });
    const { token } = created.body.invite;
    const accept = (password: string) => send('POST', '/api/v1/auth/accept-invite', {}, { token, password });
    expect((await accept('short')).body.error.param).toBe('password');
    const [one, other] = await Promise.all([accept(PASSWORD), accept(PASSWORD)]);
    expect([one.status, other.status].toSorted((left, right) => left - right)).toEqual([201, 400]);
    const login = bearer((one.status === 201 ? one : other).body.access_token);
    const users = await send('GET', '/api/v1/account/users', login);
    expect(users.body.data).toMatchObject([{ email, role: 'account_admin', disabled: false }]);
    expect(JSON.stringify(await database.auditEntry.findMany())).not.toContain(token);
  });

  it('is suspended with all of its tokens and keys within a second, and comes back', async () => {
    const { accountId, email, bearer: login } = await owner();
    const key = await gateway.post('/api/v1/api-keys', { name: 'x' }, login);
    const everybody = [login, bearer(String(key.body['key']))];
    const statuses = () =>
      Promise.all(everybody.map(async (who) => (await gateway.get('/api/v1/users/me', who)).status));
    expect(await statuses()).toEqual([200, 200]);
    expect(
      (await send('PATCH', `/api/v1/admin/accounts/${accountId}`, admin, { suspended: true })).body.suspended,
    ).toBe(true);
    await eventually(statuses, (seen) => seen.every((status) => status === 403), 1_500);
    const refused = await gateway.post('/api/v1/auth/login', { email, password: PASSWORD });
    expect([refused.status, refused.body.error?.code]).toEqual([403, 'account_suspended']);
    expect(await lastEntry(accountId)).toMatchObject({
      action: 'account.suspend',
      before: { suspended: false },
      after: { suspended: true },
    });
    await send('PATCH', `/api/v1/admin/accounts/${accountId}`, admin, { suspended: false });
    await eventually(statuses, (seen) => seen.every((status) => status === 200), 1_500);
  });

  it('changes its plan at the end of its month, or takes that back', async () => {
    const { accountId } = await owner();
    const path = `/api/v1/admin/accounts/${accountId}`;
    const planned = await send('PATCH', path, admin, { tier: 'pro', when: 'period_end' });
    expect(planned.body).toMatchObject({ tier: 'free', planned_change: { tier: 'pro' } });
    const month = await database.invoiceSchedule.findUniqueOrThrow({ where: { accountId } });
    expect(planned.body.planned_change.effective_at).toBe(month.nextAt.toISOString());
    expect((await send('PATCH', path, admin, { tier: 'free', when: 'period_end' })).body.planned_change).toBeNull();
    await send('PATCH', path, admin, { tier: 'pro', when: 'period_end' });
    const now = await send('PATCH', path, admin, { tier: 'pro' });
    expect(now.body).toMatchObject({ tier: 'pro', planned_change: null });
    expect((await send('PATCH', path, admin, {})).status).toBe(400);
    expect((await send('PATCH', path, admin, { tier: 'gold', when: 'period_end' })).body.error.param).toBe('tier');
  });
});

describe('the users of an account', () => {
  it('are created, disabled and deleted by who runs it, with their tokens, and by nobody else', async () => {
    const [boss, stranger] = [await owner(), await owner()];
    const email = `${randomUUID()}@example.com`;
    const created = await send('POST', '/api/v1/account/users', boss.bearer, {
      email,
      password: PASSWORD,
      role: 'user',
    });
    expect(created).toMatchObject({ status: 201, body: { email, role: 'user', account_id: boss.accountId } });
    const path = `/api/v1/account/users/${created.body.id}`;
    const tokens = await gateway.post('/api/v1/auth/login', { email, password: PASSWORD });
    const login = bearer(String(tokens.body['access_token']));
    expect((await send('GET', '/api/v1/account/users', login)).status).toBe(403);
    expect((await send('GET', '/api/v1/invoices', login)).status).toBe(403);
    expect((await send('PATCH', path, stranger.bearer, { disabled: true })).status).toBe(404);
    expect((await send('DELETE', path, stranger.bearer)).status).toBe(404);
    expect((await send('PATCH', path, boss.bearer, { role: 'admin' })).body.error.param).toBe('role');
    expect((await send('DELETE', `/api/v1/account/users/${boss.id}`, boss.bearer)).status).toBe(403);
    const elsewhere = { email: `x${email}`, password: PASSWORD, account_id: stranger.accountId };
    expect((await send('POST', '/api/v1/account/users', boss.bearer, elsewhere)).body.error.param).toBe('account_id');

    const status = async () => (await gateway.get('/api/v1/users/me', login)).status;
    await send('PATCH', path, boss.bearer, { disabled: true });
    await eventually(status, (seen) => seen === 403, 1_500);
    await send('PATCH', path, boss.bearer, { disabled: false });
    await eventually(status, (seen) => seen === 200, 1_500);
    const refresh = await gateway.post('/api/v1/auth/refresh', { refresh_token: tokens.body['refresh_token'] });
    expect(refresh.status).toBe(401);
    expect((await send('DELETE', path, boss.bearer)).status).toBe(204);
    await eventually(status, (seen) => seen === 401, 1_500);
    const { body } = await send('GET', '/api/v1/account/audit', boss.bearer);
    const actions: string[] = body.data.map(({ action }: { action: string }) => action);
    expect(actions.filter((action) => action.startsWith('user.'))).toEqual([
      'user.delete',
      'user.enable',
      'user.disable',
      'user.create',
    ]);
  });

  it('are invited, and an invitation that was taken back is worth nothing', async () => {
    const boss = await owner();
    const invite = await send('POST', '/api/v1/account/invites', boss.bearer, { email: `${randomUUID()}@example.com` });
    expect((await send('DELETE', `/api/v1/account/invites/${invite.body.id}`, boss.bearer)).status).toBe(204);
    const accept = await send(
      'POST',
      '/api/v1/auth/accept-invite',
      {},
      { token: invite.body.token, password: PASSWORD },
    );
    expect([accept.status, accept.body.error.param]).toEqual([400, 'token']);
    const { body } = await send('GET', '/api/v1/account/invites', boss.bearer);
    expect(body.data).toMatchObject([{ status: 'revoked' }]);
    expect((await send('POST', '/api/v1/account/invites', boss.bearer, { email: boss.email })).status).toBe(409);
  });
});

describe('what is sold', () => {
  const terms = {
    tokens_per_month: 10,
    tokens_overage: 'bill',
    tokens_hard_cap: 20,
    calls_per_day: 1,
    requests_per_minute: 1,
    concurrent_requests: 1,
    max_output_tokens: 1,
  };

  it('is a new version of a plan, from a date on', async () => {
    const create = (change: object) =>
      send('POST', '/api/v1/admin/plans', admin, { code: 'team', ...terms, ...change });
    expect(await create({})).toMatchObject({ status: 201, body: { version: 1, in_force: true } });
    const later = new Date(Date.now() + 3_600_000).toISOString();
    expect((await create({ fee_micro_usd: '5000000', effective_from: later })).body).toMatchObject({
      version: 2,
      in_force: false,
    });
    expect((await create({ effective_from: '2020-01-01T00:00:00Z' })).body.error.param).toBe('effective_from');
    expect((await create({ tokens_hard_cap: 5 })).body.error.param).toBe('tokens_hard_cap');
    expect((await create({ fee_micro_usd: '1.5' })).body.error.param).toBe('fee_micro_usd');
    const { body } = await send('GET', '/api/v1/admin/plans', admin);
    const team = body.data.filter(({ code }: { code: string }) => code === 'team');
    expect(team.map((plan: { version: number; in_force: boolean }) => [plan.version, plan.in_force])).toEqual([
      [2, false],
      [1, true],
    ]);
  });

  it('has a price for each kind of token, and what was served is re-rated once', async () => {
    const { id: userId, accountId, bearer: login } = await owner();
    const callId = await recordServed(gateway.app, {
      accountId,
      userId,
      tokens: { input: 1_000, cached: 0, output: 0 },
      charge: 1_000_000n,
    });
    const prices = { input: '3000000', cached_input: '1', output: '2', reasoning: '3' };
    const price = { provider: 'p', model: 'm', cost: prices, charge: prices };
    const { reasoning: _, ...incomplete } = prices;
    expect((await send('POST', '/api/v1/admin/prices', admin, { ...price, charge: incomplete })).body.error.param).toBe(
      'charge.reasoning',
    );
    const created = await send('POST', '/api/v1/admin/prices', admin, price);
    expect(created).toMatchObject({ status: 201, body: { origin: 'admin', charge: prices } });
    const rerating = { correction_id: randomUUID(), call_id: callId, price_id: created.body.id, reason: 'wrong list' };
    for (let time = 0; time < 2; time += 1) {
      expect((await send('POST', '/api/v1/admin/reratings', admin, rerating)).status).toBe(204);
    }
    const { body } = await gateway.get('/api/v1/usage?limit=1', login);
    expect(body['data']).toMatchObject([{ results: [{ charge_micro_usd: '3000' }] }]);
    const entries = await database.auditEntry.count({ where: { action: 'attempt.rerate', accountId } });
    expect(entries).toBe(1);
    const other = await send('POST', '/api/v1/admin/prices', admin, { ...price, model: 'other' });
    const wrong = { ...rerating, correction_id: randomUUID(), price_id: other.body.id };
    expect((await send('POST', '/api/v1/admin/reratings', admin, wrong)).body.error.param).toBe('price_id');
  });

  it('is adjusted once, however often it is asked, and a refused change leaves no entry', async () => {
    const { accountId } = await owner();
    const body = { adjustment_id: randomUUID(), account_id: accountId, amount_micro_usd: '-5000000', reason: 'outage' };
    const answers = await Promise.all([1, 2, 3].map(() => send('POST', '/api/v1/admin/adjustments', admin, body)));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(answers[0]?.body).toMatchObject({ amount: '-5.00', invoice_id: null });
    expect(
      (await send('POST', '/api/v1/admin/adjustments', admin, { ...body, reason: 'other' })).body.error.param,
    ).toBe('adjustment_id');
    expect(
      (
        await send('POST', '/api/v1/admin/adjustments', admin, {
          ...body,
          adjustment_id: randomUUID(),
          amount_micro_usd: '0',
        })
      ).body.error.param,
    ).toBe('amount_micro_usd');
    expect(await database.auditEntry.count({ where: { accountId, action: { startsWith: 'adjustment' } } })).toBe(1);
    expect(await database.accountAdjustment.count({ where: { accountId } })).toBe(1);
  });
});

describe('webhooks of an account', () => {
  it('are registered, changed, rotated and deleted, and nobody else sees them or a secret twice', async () => {
    const [boss, stranger] = [await owner(), await owner()];
    const create = (url: string) =>
      send('POST', '/api/v1/webhooks', boss.bearer, { url, event_types: ['invoice.finalized'] });
    for (const url of [
      'http://example.com/',
      'https://127.0.0.1/',
      'https://169.254.169.254/',
      'https://user:x@example.com/',
      'nonsense',
    ]) {
      const refused = await create(url);
      expect([refused.status, refused.body.error.param]).toEqual([400, 'url']);
    }
    const { body: created } = await create('https://hooks.example.com/x');
    expect(created.secret).toMatch(/^whsec_/);
    const path = `/api/v1/webhooks/${created.id}`;
    const rotated = await send('POST', `${path}/rotate-secret`, boss.bearer);
    expect(rotated.body.secret).not.toBe(created.secret);
    const listed = await send('GET', '/api/v1/webhooks', boss.bearer);
    expect(listed.body.data).toMatchObject([{ id: created.id, disabled: false, event_types: ['invoice.finalized'] }]);
    expect(listed.body.data[0].secret).toBeUndefined();
    expect((await send('PATCH', path, boss.bearer, { disabled: true })).body.disabled).toBe(true);
    const test = await send('POST', `${path}/test`, boss.bearer);
    expect(test).toMatchObject({ status: 202, body: { status: 'pending', event_type: 'webhook.test' } });
    const log = await send('GET', '/api/v1/webhooks/deliveries', boss.bearer);
    expect(log.body.data).toMatchObject([{ id: test.body.id, attempts: [] }]);
    expect((await send('POST', `/api/v1/webhooks/deliveries/${test.body.id}/redeliver`, boss.bearer)).status).toBe(202);

    expect((await send('GET', '/api/v1/webhooks', stranger.bearer)).body.data).toEqual([]);
    expect((await send('GET', '/api/v1/webhooks/deliveries', stranger.bearer)).body.data).toEqual([]);
    for (const [method, at] of [
      ['PATCH', path],
      ['DELETE', path],
      ['POST', `${path}/test`],
      ['POST', `${path}/rotate-secret`],
      ['POST', `/api/v1/webhooks/deliveries/${test.body.id}/redeliver`],
    ] as const) {
      expect(
        (await send(method, at, stranger.bearer, method === 'PATCH' ? { disabled: false } : undefined)).status,
      ).toBe(404);
    }
    expect((await send('DELETE', path, boss.bearer)).status).toBe(204);
    const entries = JSON.stringify(await database.auditEntry.findMany({ where: { accountId: boss.accountId } }));
    expect(entries).toContain('webhook.rotate_secret');
    for (const secret of [created.secret, rotated.body.secret]) expect(entries).not.toContain(secret);
  });
});
