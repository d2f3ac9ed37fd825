import { Database } from '@tollgate/database';
import { Messages } from '@tollgate/messaging';
import { currentRequest } from '@tollgate/observability';
import { eventually, newTestDatabase, startRedis, type RunningServer } from '@tollgate/testing';
import { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { bootGateway, newUser, PASSWORD, type Answer, type Gateway } from './gateway.js';
import { recordServed } from './served-attempt.js';

const text = { text: 'One. Two.', task: 'summary' };
const chat = { message: 'x' };

let database: Awaited<ReturnType<typeof newTestDatabase>>;
let redis: RunningServer;
let gateways: [Gateway, Gateway];

beforeAll(async () => {
  [database, redis] = await Promise.all([newTestDatabase(), startRedis()]);
  const environment = { DATABASE_URL: database.url, REDIS_URL: redis.url, RATE_LIMIT_ENABLED: 'true' };
  gateways = [await bootGateway(environment), await bootGateway(environment)];
}, 60_000);
afterEach(() => jest.restoreAllMocks());
afterAll(async () => {
  for (const gateway of gateways) await gateway.close();
  await redis.stop();
  await database.drop();
}, 30_000);

const code = ({ body }: Answer) => body.error?.code;
const count = (answers: Answer[], status: number) => answers.filter((answer) => answer.status === status).length;

/** A user whose plan has these limits and is generous otherwise. */
async function userWith(limits: { callsPerDay?: number; requestsPerMinute?: number; concurrentRequests?: number }) {
  const user = await newUser(gateways[0]);
  const planCode = `plan_${randomUUID().slice(0, 8)}`;
  const db = gateways[0].app.get(Database);
  const free = await db.plan.findFirstOrThrow({ where: { code: 'free' } });
  const generous = { callsPerDay: 100_000, requestsPerMinute: 10_000, concurrentRequests: 5_000 };
  await db.plan.create({ data: { ...free, ...generous, ...limits, code: planCode } });
  const { accountId, id } = await db.user.update({
    where: { email: user.email },
    data: { account: { update: { planCode } } },
  });
  await delay(1_000); // Until every replica has forgotten the plan that it knew.
  return { ...user, accountId, id, planCode };
}

/** The services behind the gateways answer with this. */
function answerWith(answer: () => Promise<unknown>) {
  for (const { app } of gateways) jest.spyOn(app.get(Messages), 'send').mockImplementation(answer);
}

/** Streams that say one thing and go on until they are let go. */
function openStreams() {
  const gate = new EventEmitter();
  for (const { app } of gateways) {
    jest.spyOn(app.get(Messages), 'stream').mockImplementation(async function* () {
      yield { type: 'delta', text: 'one' };
      await once(gate, 'open', { signal: currentRequest()?.signal });
    });
  }
  return () => gate.emit('open');
}

const startStream = (gateway: Gateway, headers: Record<string, string>, init: RequestInit = {}) =>
  fetch(`${gateway.url}/api/v1/llm/chat/stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(chat),
    ...init,
  });

describe("a plan's requests a minute", () => {
  it('of 20 admit exactly 20 of 1,000 that come at once over two gateways', async () => {
    const { bearer } = await userWith({ requestsPerMinute: 20 });
    answerWith(() => Promise.resolve({}));
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) =>
        gateways[index % 2 === 0 ? 0 : 1].post('/process-text', text, bearer),
      ),
    );
    expect(count(answers, 200)).toBe(20);
    expect(count(answers, 429)).toBe(980);
  }, 60_000);

  it('say in headers what is left, and in the refusal how many and when', async () => {
    const { bearer, planCode } = await userWith({ requestsPerMinute: 1 });
    answerWith(() => Promise.resolve({}));
    const first = await gateways[0].post('/process-text', text, bearer);
    expect(first.headers.get('ratelimit-policy')).toBe(
      '"minute";q=1;w=60, "day";q=100000;w=86400, "at-once";q=5000;qu="concurrent-requests"',
    );
    expect(first.headers.get('ratelimit')).toMatch(/^"minute";r=0;t=60, "day";r=99999;t=\d+, "at-once";r=4999;t=0$/);
    expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('0');

    const refused = await gateways[1].post('/process-text', text, bearer);
    expect(refused.status).toBe(429);
    expect(code(refused)).toBe('rate_limit_exceeded');
    expect(refused.body).toMatchObject({
      limit: 1,
      detail: { limit: 1, limit_name: 'minute', tier: planCode },
      retry_after: Number(refused.headers.get('retry-after')),
    });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(55);
    expect(refused.headers.get('x-should-retry')).toBe('true');
    expect(refused.headers.get('ratelimit')).toMatch(/^"minute";r=0;t=/);
  });
});

describe("a plan's calls at once", () => {
  it('are freed before the client sees the end of its answer: who asks one after the other is never refused', async () => {
    const { bearer } = await userWith({ concurrentRequests: 1 });
    answerWith(() => Promise.resolve({}));
    for (let call = 0; call < 40; call += 1) {
      const answer = await gateways[call % 2 === 0 ? 0 : 1].post('/process-text', text, bearer);
      expect(answer.status).toBe(200);
    }
    const letGo = openStreams();
    for (let call = 0; call < 40; call += 1) {
      const response = await startStream(gateways[call % 2 === 0 ? 0 : 1], bearer);
      expect(response.status).toBe(200);
      letGo();
      await response.text();
    }
  }, 30_000);

  it('hold over two gateways while streams run, and are freed when a client hangs up', async () => {
    const { bearer } = await userWith({ concurrentRequests: 3 });
    const letGo = openStreams();
    const leave = new AbortController();
    const open = [
      await startStream(gateways[0], bearer, { signal: leave.signal }),
      await startStream(gateways[1], bearer),
      await startStream(gateways[0], bearer),
    ];
    expect(open.map(({ status }) => status)).toEqual([200, 200, 200]);
    const refused = await gateways[1].post('/api/v1/llm/chat/stream', chat, bearer);
    expect([refused.status, refused.body['limit'], refused.headers.get('retry-after')]).toEqual([429, 3, '1']);
    leave.abort();
    const next = await eventually(
      () => startStream(gateways[1], bearer),
      ({ status }) => status === 200,
    );
    letGo();
    await Promise.all([...open.slice(1), next].map((response) => response.text()));
  }, 30_000);

  it('are freed by a request that fails', async () => {
    const { bearer } = await userWith({ concurrentRequests: 1 });
    answerWith(() => Promise.reject(new Error('broken')));
    for (let call = 0; call < 3; call += 1) {
      expect((await gateways[0].post('/process-text', text, bearer)).status).toBe(500);
      expect((await gateways[0].post('/process-text', { text: '' }, bearer)).status).toBe(400);
    }
  });
});

describe("a plan's calls of a day", () => {
  it('refuse what is over, tell SDKs not to retry, and do not count what was not served', async () => {
    const { bearer } = await userWith({ callsPerDay: 2 });
    answerWith(() => Promise.resolve({}));
    expect((await gateways[0].post('/process-text', { text: '' }, bearer)).status).toBe(400);
    expect((await gateways[0].post('/process-text', text, bearer)).status).toBe(200);
    expect((await gateways[1].post('/process-text', text, bearer)).status).toBe(200);
    const refused = await gateways[1].post('/process-text', text, bearer);
    expect(refused.body).toMatchObject({ limit: 2, detail: { limit_name: 'day' } });
    expect(refused.headers.get('x-should-retry')).toBe('false');
  });

  it('survive a Redis that has lost everything: the ledger knows them', async () => {
    const { bearer, accountId, id } = await userWith({ callsPerDay: 5 });
    answerWith(() => Promise.resolve({}));
    for (let served = 0; served < 4; served += 1)
      await recordServed(gateways[0].app, { accountId, userId: id, tokens: { input: 10, cached: 0, output: 1 } });
    const answers = [];
    for (let call = 0; call < 3; call += 1)
      answers.push(await gateways[call % 2 === 0 ? 0 : 1].post('/process-text', text, bearer));
    expect(answers.map(({ status }) => status)).toEqual([200, 429, 429]);
  });
});

describe('a plan that changes', () => {
  it('holds on every replica within a second, for tokens that were issued before', async () => {
    const { bearer, email } = await userWith({ requestsPerMinute: 1 });
    answerWith(() => Promise.resolve({}));
    await gateways[0].post('/process-text', text, bearer);
    expect((await gateways[1].post('/process-text', text, bearer)).status).toBe(429);
    const db = gateways[0].app.get(Database);
    await db.user.update({ where: { email }, data: { account: { update: { planCode: 'pro' } } } });
    await delay(1_000);
    for (const gateway of gateways) expect((await gateway.post('/process-text', text, bearer)).status).toBe(200);
  });
});

describe('requests that cost nothing', () => {
  it('have a bound of their own for each account', async () => {
    const bounded = await bootGateway({
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      RATE_LIMIT_ENABLED: 'true',
      RATE_LIMIT_REQUESTS: '5',
    });
    const [{ bearer }, other] = [await newUser(gateways[0]), await newUser(gateways[0])];
    const answers = await Promise.all(Array.from({ length: 20 }, () => bounded.get('/api/v1/users/me', bearer)));
    expect([count(answers, 200), count(answers, 429)]).toEqual([5, 15]);
    expect((await bounded.get('/api/v1/users/me', other.bearer)).status).toBe(200);
    for (let probe = 0; probe < 10; probe += 1) expect((await bounded.get('/health')).status).toBe(200);
    await bounded.close();
  });
});

describe('signing in', () => {
  const login = (email: string, password: string, address = '203.0.113.1') =>
    proxied.post('/api/v1/auth/login', { email, password }, { 'x-forwarded-for': address });
  let proxied: Gateway;

  beforeAll(async () => {
    const environment = { DATABASE_URL: database.url, REDIS_URL: redis.url, TRUST_PROXY: '127.0.0.1' };
    proxied = await bootGateway(environment);
  });
  afterAll(() => proxied.close());

  it('has to wait longer and longer after wrong passwords, a hundred at once included', async () => {
    const { email } = await newUser(proxied);
    const guesses = await Promise.all(Array.from({ length: 100 }, (_, index) => login(email, `guess number ${index}`)));
    expect(count(guesses, 401)).toBe(5);
    expect(count(guesses, 429)).toBe(95);
    const refused = await login(email, PASSWORD);
    const waitSeconds = Number(refused.headers.get('retry-after'));
    expect(waitSeconds).toBeLessThanOrEqual(5);
    await delay(waitSeconds * 1_000);
    expect((await login(email, 'guess')).status).toBe(401);
    expect(Number((await login(email, PASSWORD)).headers.get('retry-after'))).toBeGreaterThan(5);
  }, 30_000);

  it('waits at every replica for what was guessed at another', async () => {
    const { email } = await newUser(gateways[0]);
    const guesses = [];
    for (let guess = 0; guess < 6; guess += 1) {
      guesses.push(await gateways[guess % 2 === 0 ? 0 : 1].post('/api/v1/auth/login', { email, password: 'guess' }));
    }
    expect(guesses.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 429]);
    for (const gateway of gateways) {
      expect((await gateway.post('/api/v1/auth/login', { email, password: PASSWORD })).status).toBe(429);
    }
  }, 30_000);

  it('stays open to the owner, from where they have signed in before, while strangers guess from everywhere', async () => {
    const { email } = await newUser(proxied);
    expect((await login(email, PASSWORD, '198.51.100.7')).status).toBe(200);
    for (let host = 0; host < 21; host += 1) await login(email, 'guess', `203.0.113.${host + 10}`);
    expect((await login(email, 'guess', '203.0.113.99')).status).toBe(429);
    expect((await login(email, PASSWORD, '198.51.100.7')).status).toBe(200);
  }, 30_000);

  it('cannot pretend to be another client: X-Forwarded-For counts from configured proxies alone', async () => {
    const { email } = await newUser(gateways[0]);
    const guesses = [];
    for (let host = 1; host <= 6; host += 1) {
      const headers = { 'x-forwarded-for': `203.0.113.${host}` };
      guesses.push(await gateways[0].post('/api/v1/auth/login', { email, password: 'guess' }, headers));
    }
    expect(guesses.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 429]);
  }, 30_000);
});

describe('without Redis', () => {
  it('a call is 503 with the time to wait, at once; what needs no Redis goes on; and all is back with it', async () => {
    const own = await startRedis();
    const apart = await bootGateway({ DATABASE_URL: database.url, REDIS_URL: own.url, RATE_LIMIT_ENABLED: 'true' });
    const { bearer, email } = await newUser(apart);
    await apart.get('/api/v1/users/me', bearer);
    await own.stop();
    const startedAt = performance.now();
    const refused = await apart.post('/process-text', text, bearer);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect([refused.status, code(refused), refused.headers.get('retry-after')]).toEqual([503, 'unavailable', '1']);
    expect((await apart.post('/api/v1/auth/login', { email, password: PASSWORD })).status).toBe(503);
    expect((await apart.get('/api/v1/users/me', bearer)).status).toBe(200);
    const again = await startRedis({ port: own.port });
    jest.spyOn(apart.app.get(Messages), 'send').mockResolvedValue({});
    await eventually(
      () => apart.post('/process-text', text, bearer),
      ({ status }) => status === 200,
    );
    await apart.close();
    await again.stop();
  }, 30_000);

  it('that is there and does not answer, a call is refused within the bound too', async () => {
    const own = await startRedis();
    const apart = await bootGateway({ DATABASE_URL: database.url, REDIS_URL: own.url, RATE_LIMIT_ENABLED: 'true' });
    const { bearer } = await newUser(apart);
    await apart.get('/api/v1/users/me', bearer);
    const other = new Redis(own.url);
    await other.client('PAUSE', 1_500, 'ALL');
    const startedAt = performance.now();
    const refused = await apart.post('/process-text', text, bearer);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(refused.status).toBe(503);
    other.disconnect();
    await apart.close();
    await own.stop();
  }, 30_000);
});
