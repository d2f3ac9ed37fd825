import { Database } from '@tollgate/database';
import { bearer, bootGateway, newUser, PASSWORD, type Gateway } from './gateway.js';

let gateway: Gateway;

beforeAll(async () => {
  gateway = await bootGateway();
}, 30_000);
afterAll(() => gateway.close());

const refresh = (token: string, headers?: Record<string, string>) =>
  gateway.post('/api/v1/auth/refresh', { refresh_token: token }, headers);
const me = (token: string) => gateway.get('/api/v1/users/me', bearer(token));

describe('accounts', () => {
  it('makes a new user a free one, whose token opens /users/me', async () => {
    const { email, accessToken } = await newUser(gateway);
    const { status, body } = await me(accessToken);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      email,
      role: 'account_admin',
      tier: 'free',
      usage: { tokens_this_month: { used: 0, limit: 100_000 }, calls_today: { used: 0, limit: 1_000 } },
    });
  });

  it('refuses a second account with the same email, however it is written', async () => {
    const { email } = await newUser(gateway);
    const again = await gateway.post('/api/v1/auth/register', {
      email: ` ${email.toUpperCase()} `,
      password: PASSWORD,
    });
    expect(again.status).toBe(409);
    expect(again.body.error).toMatchObject({ code: 'email_taken', param: 'email' });
    expect(again.headers.get('x-should-retry')).toBe('false');
  });

  it('gives an email to exactly one of many who register it at once, and leaves no account without a user', async () => {
    const body = { email: 'race@example.com', password: PASSWORD };
    const answers = await Promise.all(Array.from({ length: 8 }, () => gateway.post('/api/v1/auth/register', body)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ body }) => body.error?.code === 'email_taken')).toHaveLength(7);
    expect(await gateway.app.get(Database).account.count({ where: { users: { none: {} } } })).toBe(0);
  });

  it('stores the password as argon2id with 19 MiB, two passes and one lane', async () => {
    const { email } = await newUser(gateway);
    const user = await gateway.app.get(Database).user.findUniqueOrThrow({ where: { email } });
    expect(user.passwordHash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  it('answers a wrong password and an unknown email alike', async () => {
    const { email } = await newUser(gateway);
    const wrong = await gateway.post('/api/v1/auth/login', { email, password: 'wrong password' });
    const unknown = await gateway.post('/api/v1/auth/login', {
      email: 'nobody@example.com',
      password: 'wrong password',
    });
    expect(wrong.status).toBe(401);
    expect(wrong.body.error?.code).toBe('invalid_credentials');
    expect({ ...unknown.body, request_id: '' }).toEqual({ ...wrong.body, request_id: '' });
    expect(unknown.status).toBe(401);
  });

  it('names the unknown field of a registration, so that nobody makes himself admin', async () => {
    const body = { email: 'admin@example.com', password: PASSWORD, role: 'admin' };
    const { status, body: answer } = await gateway.post('/api/v1/auth/register', body);
    expect(status).toBe(400);
    expect(answer.error?.message).toContain('role');
  });
});

describe('refresh tokens', () => {
  it('are replaced at every use, and the new one works', async () => {
    const { refreshToken } = await newUser(gateway);
    const first = await refresh(refreshToken);
    expect(first.status).toBe(200);
    const next = String(first.body['refresh_token']);
    expect(next).not.toBe(refreshToken);
    expect((await refresh(next)).status).toBe(200);
  });

  it('stand in the database only as hashes', async () => {
    const { refreshToken } = await newUser(gateway);
    const rows = await gateway.app.get(Database).refreshToken.findMany();
    const stored = rows.map(({ tokenHash }) => Buffer.from(tokenHash).toString('latin1')).join();
    expect(stored).not.toContain(refreshToken.slice(4));
  });

  it('give the same successor to two tabs that refresh within seconds', async () => {
    const { refreshToken } = await newUser(gateway);
    const [one, other] = [await refresh(refreshToken), await refresh(refreshToken)];
    expect([one.status, other.status]).toEqual([200, 200]);
    expect(other.body['refresh_token']).toBe(one.body['refresh_token']);
  });

  it('give one successor to 100 concurrent uses', async () => {
    const { refreshToken } = await newUser(gateway);
    const answers = await Promise.all(Array.from({ length: 100 }, () => refresh(refreshToken)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => body['refresh_token'])).size).toBe(1);
  }, 30_000);

  it('revoke the whole login when an old one comes back', async () => {
    const { refreshToken } = await newUser(gateway);
    const second = String((await refresh(refreshToken)).body['refresh_token']);
    const third = String((await refresh(second)).body['refresh_token']);
    const stolen = await refresh(refreshToken);
    expect(stolen.status).toBe(401);
    expect(stolen.body.error?.code).toBe('invalid_refresh_token');
    expect((await refresh(third)).status).toBe(401);
  });

  it('revoke the whole login when the last one comes back after the grace', async () => {
    const { refreshToken } = await newUser(gateway);
    const second = String((await refresh(refreshToken)).body['refresh_token']);
    const longAgo = new Date(Date.now() - 11_000);
    await gateway.app
      .get(Database)
      .refreshToken.updateMany({ where: { usedAt: { not: null } }, data: { usedAt: longAgo } });
    expect((await refresh(refreshToken)).status).toBe(401);
    expect((await refresh(second)).status).toBe(401);
  });

  it('leave no token alive when one tab rotates while a thief replays', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { refreshToken } = await newUser(gateway);
      const second = String((await refresh(refreshToken)).body['refresh_token']);
      const third = String((await refresh(second)).body['refresh_token']);
      const [rotated] = await Promise.all([refresh(third), refresh(refreshToken)]);
      const last = rotated.status === 200 ? String(rotated.body['refresh_token']) : third;
      expect((await refresh(last)).status).toBe(401);
    }
  }, 30_000);

  it('of one login survive the revocation of another', async () => {
    const { email, refreshToken } = await newUser(gateway);
    const other = await gateway.post('/api/v1/auth/login', { email, password: PASSWORD });
    await gateway.post('/api/v1/auth/logout', { refresh_token: refreshToken });
    expect((await refresh(refreshToken)).status).toBe(401);
    expect((await refresh(String(other.body['refresh_token']))).status).toBe(200);
  });

  it('that expired or never existed are refused', async () => {
    const { refreshToken } = await newUser(gateway);
    await gateway.app.get(Database).refreshToken.updateMany({ data: { expiresAt: new Date() } });
    expect((await refresh(refreshToken)).status).toBe(401);
    expect((await refresh('tgr_never')).status).toBe(401);
  });

  it('bring the tier that the database has now', async () => {
    const { refreshToken, email } = await newUser(gateway);
    const database = gateway.app.get(Database);
    const user = await database.user.findUniqueOrThrow({ where: { email } });
    await database.account.update({ where: { id: user.accountId }, data: { planCode: 'pro' } });
    const { body } = await refresh(refreshToken);
    const [, payload = ''] = String(body['access_token']).split('.');
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({ tier: 'pro' });
  });

  it('work from the browser cookie alone, which no script can read, until logout clears it', async () => {
    const { email } = await newUser(gateway);
    const login = await gateway.post('/api/v1/auth/login', { email, password: PASSWORD });
    const cookie = login.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^tollgate_refresh=tgr_/);
    for (const attribute of ['HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/api/v1/auth'])
      expect(cookie).toContain(attribute);
    const sent = { cookie: cookie.split(';')[0] ?? '' };
    const refreshed = await fetch(`${gateway.url}/api/v1/auth/refresh`, { method: 'POST', headers: sent });
    expect(refreshed.status).toBe(200);
    const logout = await fetch(`${gateway.url}/api/v1/auth/logout`, { method: 'POST', headers: sent });
    expect(logout.status).toBe(204);
    expect(logout.headers.get('set-cookie')).toMatch(/^tollgate_refresh=;/);
    expect((await refresh(cookie.slice('tollgate_refresh='.length, cookie.indexOf(';')))).status).toBe(401);
  });
});

describe('the demo user', () => {
  it('exists once and with plan pro after two gateways started at once, and keeps a changed password', async () => {
    const demo = {
      DATABASE_URL: gateway.databaseUrl,
      DEMO_USER_EMAIL: 'demo@example.com',
      DEMO_USER_PASSWORD: 'the first password',
    };
    const both = await Promise.all([bootGateway(demo), bootGateway(demo)]);
    const third = await bootGateway({ ...demo, DEMO_USER_PASSWORD: 'another password' });
    const login = (password: string) => gateway.post('/api/v1/auth/login', { email: demo.DEMO_USER_EMAIL, password });
    const { status, body } = await login('the first password');
    expect(status).toBe(200);
    expect((await me(String(body['access_token']))).body['tier']).toBe('pro');
    expect((await login('another password')).status).toBe(401);
    await Promise.all([...both, third].map((other) => other.close()));
  }, 30_000);
});
