import { Database } from '@tollgate/database';
import { Messages } from '@tollgate/messaging';
import { eventually, newTestDatabase } from '@tollgate/testing';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { newKey } from '../src/api-keys/key-format.js';
import { bearer, bootGateway, newUser, type Gateway } from './gateway.js';

const text = { text: 'One. Two.', task: 'summary' };

let database: Awaited<ReturnType<typeof newTestDatabase>>;
let gateways: [Gateway, Gateway];

beforeAll(async () => {
  database = await newTestDatabase();
  gateways = [await bootGateway({ DATABASE_URL: database.url }), await bootGateway({ DATABASE_URL: database.url })];
  for (const { app } of gateways) jest.spyOn(app.get(Messages), 'send').mockResolvedValue({ output: 'x' });
}, 60_000);
afterAll(async () => {
  for (const gateway of gateways) await gateway.close();
  await database.drop();
}, 30_000);

async function userWithKey(body: Record<string, unknown> = {}) {
  const user = await newUser(gateways[0]);
  const { body: created } = await gateways[0].post('/api/v1/api-keys', { name: 'a server', ...body }, user.bearer);
  return { ...user, id: String(created['id']), key: String(created['key']), created };
}

const remove = async (id: string, headers: Record<string, string>) =>
  (await fetch(`${gateways[0].url}/api/v1/api-keys/${id}`, { method: 'DELETE', headers })).status;

describe('an API key', () => {
  it('is shown once, listed by its start, and stands in the database as a hash alone', async () => {
    const { key, created, bearer: login } = await userWithKey();
    expect(created).toMatchObject({ object: 'api_key', name: 'a server', scopes: ['inference', 'usage'] });
    const list = await gateways[1].get('/api/v1/api-keys', login);
    expect(list.body['data']).toMatchObject([{ id: created['id'], start: key.slice(0, 12), last_used_at: null }]);
    expect(JSON.stringify(list.body)).not.toContain(key);
    const rows = await gateways[0].app.get(Database).apiKey.findMany();
    expect(rows.map(({ keyHash }) => Buffer.from(keyHash).toString('latin1')).join()).not.toContain(key.slice(8));
    expect(JSON.stringify(await gateways[0].app.get(Database).auditEntry.findMany())).not.toContain(key);
  });

  it('opens what a login opens, on every replica, as the same user', async () => {
    const { key, email } = await userWithKey();
    for (const gateway of gateways) {
      expect((await gateway.get('/api/v1/users/me', bearer(key))).body['email']).toBe(email);
      expect((await gateway.post('/process-text', text, bearer(key))).status).toBe(200);
    }
  });

  it('that is revoked opens nothing any more within a second, on every replica', async () => {
    const { id, key, bearer: login } = await userWithKey();
    for (const gateway of gateways) expect((await gateway.get('/api/v1/users/me', bearer(key))).status).toBe(200);
    expect(await remove(id, login)).toBe(204);
    await delay(1_000);
    for (const gateway of gateways) {
      const answer = await gateway.get('/api/v1/users/me', bearer(key));
      expect([answer.status, answer.body.error?.code]).toEqual([401, 'unauthenticated']);
    }
    expect((await gateways[0].get('/api/v1/api-keys', login)).body['data']).toEqual([]);
    expect(await remove(id, login)).toBe(404);
  });

  it('has the tier that its account has now', async () => {
    const { key, email } = await userWithKey();
    await gateways[1].get('/api/v1/users/me', bearer(key));
    await gateways[0].app
      .get(Database)
      .user.update({ where: { email }, data: { account: { update: { planCode: 'pro' } } } });
    await delay(1_000);
    expect((await gateways[1].get('/api/v1/users/me', bearer(key))).body['tier']).toBe('pro');
  });

  it('does not open what its scopes do not name, and makes no other keys', async () => {
    const { key } = await userWithKey({ scopes: ['usage'] });
    const call = await gateways[0].post('/process-text', text, bearer(key));
    expect([call.status, call.body.error?.message]).toEqual([403, 'This API key lacks the scope "inference".']);
    // What is not marked is closed: conversations, results and batches are not usage.
    for (const path of ['/api/v1/chat/sessions', '/api/v1/llm/batch', `/api/v1/refine/${randomUUID()}`]) {
      expect([path, (await gateways[0].get(path, bearer(key))).status]).toEqual([path, 403]);
    }
    expect((await gateways[0].get('/api/v1/users/me', bearer(key))).status).toBe(200);
    expect((await gateways[0].get('/api/v1/users/me', bearer(key))).status).toBe(200);
    expect((await gateways[0].post('/api/v1/api-keys', { name: 'x' }, bearer(key))).status).toBe(403);
    expect((await gateways[0].get('/api/v1/api-keys', bearer(key))).status).toBe(403);
  });

  it('of the scope admin is for admins alone', async () => {
    const { bearer: login } = await newUser(gateways[0]);
    const answer = await gateways[0].post('/api/v1/api-keys', { name: 'x', scopes: ['admin'] }, login);
    expect([answer.status, answer.body.error?.param]).toEqual([403, 'scopes']);
  });

  it('of another account cannot be seen or deleted, and says nothing of its existence', async () => {
    const [{ id }, other] = [await userWithKey(), await newUser(gateways[0])];
    expect((await gateways[0].get('/api/v1/api-keys', other.bearer)).body['data']).toEqual([]);
    expect(await remove(id, other.bearer)).toBe(404);
    expect(await remove('019a9f3e-5d0c-7a58-9d0f-4c5c0f6f2a11', other.bearer)).toBe(404);
    expect(await remove('x', other.bearer)).toBe(400);
  });

  it('that expires is refused from that moment', async () => {
    const { key } = await userWithKey({ expires_at: new Date(Date.now() + 1_500).toISOString() });
    expect((await gateways[0].get('/api/v1/users/me', bearer(key))).status).toBe(200);
    await delay(1_600);
    expect((await gateways[0].get('/api/v1/users/me', bearer(key))).status).toBe(401);
    const { bearer: login } = await newUser(gateways[0]);
    const past = { name: 'x', expires_at: '2020-01-01T00:00:00Z' };
    expect((await gateways[0].post('/api/v1/api-keys', past, login)).status).toBe(400);
  });

  it('that was never issued is 401, whether it looks right or not', async () => {
    const { key } = await userWithKey();
    for (const token of [newKey(), `${key.slice(0, -1)}!`, 'tg_live_', `${key}${key}`]) {
      expect((await gateways[0].get('/api/v1/users/me', bearer(token))).status).toBe(401);
    }
  });

  it('tells when it was last used', async () => {
    const { key, id } = await userWithKey();
    const third = await bootGateway({ DATABASE_URL: database.url });
    await third.get('/api/v1/users/me', bearer(key));
    await third.close(); // Uses are noted every ten seconds, and at the end.
    const row = () => gateways[0].app.get(Database).apiKey.findUniqueOrThrow({ where: { id } });
    const { lastUsedAt } = await eventually(row, (found) => found.lastUsedAt !== null);
    expect(Date.now() - Number(lastUsedAt)).toBeLessThan(10_000);
  });
});

describe('the audit log', () => {
  it('has who made and revoked a key, and nobody can change it', async () => {
    const { id, bearer: login, created } = await userWithKey();
    await remove(id, login);
    const db = gateways[0].app.get(Database);
    const entries = await db.auditEntry.findMany({ where: { subject: `api_key:${id}` }, orderBy: { id: 'asc' } });
    expect(entries.map(({ action }) => action)).toEqual(['api_key.create', 'api_key.revoke']);
    expect(entries.map(({ actorUserId }) => actorUserId)).toEqual([created['user_id'], created['user_id']]);
    await expect(db.$executeRaw`UPDATE audit_entry SET action = 'x'`).rejects.toThrow('append-only');
    await expect(db.$executeRaw`DELETE FROM audit_entry`).rejects.toThrow('append-only');
    await expect(db.$executeRaw`TRUNCATE audit_entry`).rejects.toThrow('append-only');
  });
});
