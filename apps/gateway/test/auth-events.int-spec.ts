import { newTestDatabase } from '@tollgate/testing';
import { z } from 'zod';
import { bearer, bootGateway, newUser, PASSWORD, type Gateway } from './gateway.js';

const ADMIN = { email: 'admin@example.com', password: PASSWORD };
const Entries = z.object({
  data: z.array(
    z.object({
      action: z.string(),
      subject: z.string(),
      at: z.iso.datetime(),
      actor_user_id: z.string().nullable(),
      account_id: z.string().nullable(),
      address: z.string().nullable(),
      request_id: z.uuid(),
    }),
  ),
});

let gateway: Gateway;

beforeAll(async () => {
  gateway = await bootGateway({ ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password });
}, 30_000);
afterAll(() => gateway.close());

const login = (email: string, password = PASSWORD, headers = {}) =>
  gateway.post('/api/v1/auth/login', { email, password }, headers);
const entriesOf = async (path: string, who: Record<string, string>) =>
  Entries.parse((await gateway.get(path, who)).body).data;

describe('the audit log', () => {
  it('has every event of a sign-in with who, when, where from and in which request, and no secret', async () => {
    const user = await newUser(gateway);
    const { body: me } = await gateway.get('/api/v1/users/me', user.bearer);
    const [id, accountId] = [String(me['id']), String(me['account_id'])];
    const secrets = [PASSWORD, user.accessToken, user.refreshToken, user.email, 'guessed wrong'];
    const refresh = (token: string) => gateway.post('/api/v1/auth/refresh', { refresh_token: token });
    const failed = await login(user.email, 'guessed wrong');
    const second = String((await refresh(user.refreshToken)).body['refresh_token']);
    const third = String((await refresh(second)).body['refresh_token']);
    await refresh(user.refreshToken);
    const again = await login(user.email);
    await gateway.post('/api/v1/auth/logout', { refresh_token: again.body['refresh_token'] });
    const created = await gateway.post('/api/v1/api-keys', { name: 'x' }, user.bearer);
    const keyId = String(created.body['id']);
    await fetch(`${gateway.url}/api/v1/api-keys/${keyId}`, { method: 'DELETE', headers: user.bearer });

    const entries = (await entriesOf('/api/v1/account/audit', user.bearer)).reverse();
    expect(entries.map(({ action }) => action)).toEqual([
      'auth.register',
      'auth.login_failed',
      'auth.refresh',
      'auth.refresh',
      'auth.refresh_reused',
      'auth.login',
      'auth.logout',
      'api_key.create',
      'api_key.revoke',
    ]);
    for (const entry of entries) {
      expect(entry).toMatchObject({ account_id: accountId, address: '127.0.0.1' });
      expect(entry.subject).toBe(entry.action.startsWith('auth.') ? `user:${id}` : `api_key:${keyId}`);
      expect(entry.actor_user_id).toBe(entry.action === 'auth.login_failed' ? null : id);
    }
    expect(entries[1]?.request_id).toBe(failed.body['request_id']);
    const whole = JSON.stringify((await gateway.get('/api/v1/account/audit', user.bearer)).body);
    for (const secret of [...secrets, second, third, String(created.body['key'])]) expect(whole).not.toContain(secret);
  });

  it('is read by those who run the account, for their account alone, and by platform admins for all', async () => {
    const [mine, theirs] = [await newUser(gateway), await newUser(gateway)];
    expect(await entriesOf('/api/v1/account/audit', mine.bearer)).toHaveLength(1);
    const { body: them } = await gateway.get('/api/v1/users/me', theirs.bearer);
    const other = await gateway.get(`/api/v1/account/audit?account_id=${String(them['account_id'])}`, mine.bearer);
    expect(other).toMatchObject({ status: 400, body: { error: { param: 'account_id' } } });
    const { body: key } = await gateway.post('/api/v1/api-keys', { name: 'x' }, mine.bearer);
    expect((await gateway.get('/api/v1/account/audit', bearer(String(key['key'])))).status).toBe(403);
    const admin = bearer(String((await login(ADMIN.email)).body['access_token']));
    const ofThem = await entriesOf(`/api/v1/admin/audit?account_id=${String(them['account_id'])}`, admin);
    expect(ofThem.map(({ action }) => action)).toEqual(['auth.register']);
  });

  it('tells platform admins of guesses at e-mails that nobody has, without the e-mail', async () => {
    await login('nobody@example.com', 'x'.repeat(12));
    const admin = bearer(String((await login(ADMIN.email)).body['access_token']));
    const entries = await entriesOf('/api/v1/admin/audit?limit=200', admin);
    const guess = entries.find(({ subject }) => subject === 'user:unknown');
    expect(guess).toMatchObject({ action: 'auth.login_failed', account_id: null, actor_user_id: null });
    expect(JSON.stringify(entries)).not.toContain('nobody@example.com');
  });

  it('has the address of the connection, and that of X-Forwarded-For only from a proxy that is trusted', async () => {
    const database = await newTestDatabase();
    const proxied = await bootGateway({ DATABASE_URL: database.url, TRUST_PROXY: '127.0.0.1' });
    const spoofed = { 'x-forwarded-for': '203.0.113.7' };
    const addressSeenBy = async (which: Gateway) => {
      const user = await newUser(which);
      await which.post('/api/v1/auth/login', { email: user.email, password: PASSWORD }, spoofed);
      const { body } = await which.get('/api/v1/account/audit', user.bearer);
      return Entries.parse(body).data[0]?.address;
    };
    expect(await addressSeenBy(gateway)).toBe('127.0.0.1');
    expect(await addressSeenBy(proxied)).toBe('203.0.113.7');
    await proxied.close();
    await database.drop();
  }, 30_000);
});
