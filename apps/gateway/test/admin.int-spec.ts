import { Database } from '@tollgate/database';
import { setTimeout as delay } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { bearer, bootGateway, newUser, PASSWORD, type Gateway } from './gateway.js';
import { recordServed } from './served-attempt.js';

const ADMIN_EMAIL = 'admin@example.com';
const UNKNOWN = '019a9f3e-5d0c-7a58-9d0f-4c5c0f6f2a11';

let gateway: Gateway;
let admin: { authorization: string };

beforeAll(async () => {
  gateway = await bootGateway({ ADMIN_EMAIL, ADMIN_PASSWORD: PASSWORD });
  const { body } = await gateway.post('/api/v1/auth/login', { email: ADMIN_EMAIL, password: PASSWORD });
  admin = bearer(String(body['access_token']));
}, 60_000);
afterAll(() => gateway.close());

async function patch(path: string, body: unknown, headers: Record<string, string> = admin) {
  const response = await fetch(gateway.url + path, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return response.status;
}

async function person() {
  const user = await newUser(gateway);
  const row = await gateway.app.get(Database).user.findUniqueOrThrow({ where: { email: user.email } });
  return { ...user, id: row.id, accountId: row.accountId };
}

const lastEntry = async (accountId: string) => {
  const { body } = await gateway.get(`/api/v1/admin/audit?account_id=${accountId}`, admin);
  return Array.isArray(body['data']) ? body['data'][0] : undefined;
};

describe('the admin API', () => {
  it('is closed for everybody else, and for keys without its scope', async () => {
    const { bearer: login } = await person();
    const { body } = await gateway.post('/api/v1/api-keys', { name: 'x' }, admin);
    for (const who of [login, bearer(String(body['key']))]) {
      for (const path of ['accounts', 'audit', 'usage']) {
        expect((await gateway.get(`/api/v1/admin/${path}`, who)).status).toBe(403);
      }
      expect(await patch(`/api/v1/admin/accounts/${UNKNOWN}`, { tier: 'pro' }, who)).toBe(403);
    }
    const scoped = await gateway.post('/api/v1/api-keys', { name: 'x', scopes: ['admin'] }, admin);
    expect((await gateway.get('/api/v1/admin/accounts', bearer(String(scoped.body['key'])))).status).toBe(200);
  });

  it('lists every account once, page after page', async () => {
    for (let more = 0; more < 3; more += 1) await person();
    const ids: string[] = [];
    for (let after = ''; ;) {
      const { body } = await gateway.get(`/api/v1/admin/accounts?limit=2${after && `&after=${after}`}`, admin);
      ids.push(...(body['data'] as { id: string }[]).map(({ id }) => id));
      if (body['has_more'] !== true) break;
      after = String(body['last_id']);
    }
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(await gateway.app.get(Database).account.count());
  });

  it('changes a plan within a second, and the audit log says who, what, before and after', async () => {
    const { accountId, bearer: login } = await person();
    expect(await patch(`/api/v1/admin/accounts/${accountId}`, { tier: 'pro' })).toBe(200);
    await delay(1_000);
    expect((await gateway.get('/api/v1/users/me', login)).body['tier']).toBe('pro');
    const { id } = await gateway.app.get(Database).user.findUniqueOrThrow({ where: { email: ADMIN_EMAIL } });
    expect(await lastEntry(accountId)).toMatchObject({
      action: 'account.change_tier',
      subject: `account:${accountId}`,
      actor_user_id: id,
      before: { tier: 'free' },
      after: { tier: 'pro' },
    });
    expect(await patch(`/api/v1/admin/accounts/${accountId}`, { tier: 'gold' })).toBe(400);
    expect(await patch(`/api/v1/admin/accounts/${UNKNOWN}`, { tier: 'pro' })).toBe(404);
  });

  it('changes a role within a second, but not that of the admin who asks', async () => {
    const { id, bearer: login } = await person();
    expect(await patch(`/api/v1/admin/users/${id}`, { role: 'admin' })).toBe(200);
    await delay(1_000);
    expect((await gateway.get('/api/v1/admin/accounts', login)).status).toBe(200);
    expect(await patch(`/api/v1/admin/users/${id}`, { role: 'user' })).toBe(200);
    await delay(1_000);
    expect((await gateway.get('/api/v1/admin/accounts', login)).status).toBe(403);
    const me = await gateway.get('/api/v1/users/me', admin);
    expect(await patch(`/api/v1/admin/users/${String(me.body['id'])}`, { role: 'user' })).toBe(403);
  });

  it('gives back a charge once, however often it is asked', async () => {
    const { id, accountId, bearer: login } = await person();
    const callId = await recordServed(gateway.app, {
      accountId,
      userId: id,
      tokens: { input: 1_000, cached: 0, output: 0 },
      cost: 1_000_000n,
      charge: 1_000_000n,
    });
    const body = { correction_id: uuidv7(), call_id: callId, micro_usd: '400', reason: 'it was cut off' };
    for (let time = 0; time < 3; time += 1) {
      expect((await gateway.post('/api/v1/admin/refunds', body, admin)).status).toBe(204);
    }
    const { body: page } = await gateway.get('/api/v1/usage?limit=1', login);
    expect(page['data']).toMatchObject([{ results: [{ attempts: 1, charge_micro_usd: '600', input_tokens: 1_000 }] }]);
    const tooMuch = { ...body, correction_id: uuidv7(), micro_usd: '601' };
    expect((await gateway.post('/api/v1/admin/refunds', tooMuch, admin)).status).toBe(400);
  });
});
