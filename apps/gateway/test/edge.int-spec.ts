import { Messages } from '@tollgate/messaging';
import { eventually } from '@tollgate/testing';
import { gzipSync } from 'node:zlib';
import { bootGateway, newUser, type Gateway } from './gateway.js';
import { exchange, openConnection } from './raw-connection.js';

let gateway: Gateway;
let bearer: { authorization: string };

beforeAll(async () => {
  gateway = await bootGateway({ REQUEST_TIMEOUT_MS: '300', CORS_ORIGINS: 'https://app.example.com' });
  ({ bearer } = await newUser(gateway));
}, 30_000);
afterAll(() => gateway.close());
afterEach(() => jest.restoreAllMocks());

const head = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`;
const statusesOf = (answer: string) => [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
const me = 'GET /api/v1/users/me HTTP/1.1';

describe('a request whose framing is a trick', () => {
  it.each([
    ['two different Content-Lengths', ['content-length: 4', 'content-length: 40'], ''],
    ['Content-Length and Transfer-Encoding', ['content-length: 4', 'transfer-encoding: chunked'], '0\r\n\r\n'],
    ['a list of Content-Lengths', ['content-length: 4, 4'], ''],
    ['a Content-Length with a sign', ['content-length: +4'], ''],
    ['a Transfer-Encoding that only looks chunked', ['transfer-encoding: xchunked'], ''],
    ['a blank before the colon', ['content-length : 4'], ''],
    ['a folded header', ['x-a: b', ' content-length: 4'], ''],
    ['a chunk whose length is no number', ['transfer-encoding: chunked'], 'zz\r\n'],
  ])('is 400 and the end of the connection: %s', async (_name, lines, body) => {
    const first = head('POST /api/v1/auth/login HTTP/1.1', 'host: x', 'content-type: application/json', ...lines);
    const smuggled = head(me, 'host: x', `authorization: ${bearer.authorization}`, 'connection: close');
    const answer = await exchange(gateway, `${first}${body}${smuggled}`);
    expect(statusesOf(answer)).toEqual([400]);
    expect(answer).toContain('"code":"invalid_request"');
    expect(answer).not.toContain('example.com');
  });

  it('is 431 with too large or too many headers', async () => {
    const large = await exchange(gateway, head('GET /health HTTP/1.1', 'host: x', `x-large: ${'x'.repeat(20_000)}`));
    expect(statusesOf(large)).toEqual([431]);
    const names = Array.from({ length: 120 }, (_, index) => `x-${index}: y`);
    const many = await exchange(gateway, head('GET /health HTTP/1.1', 'host: x', ...names, 'connection: close'));
    expect(statusesOf(many)).toEqual([431]);
    for (const answer of [large, many]) expect(answer).toContain('"code":"headers_too_large"');
  });
});

describe('the header Host', () => {
  it('must be there in HTTP/1.1, and the answer without it says so', async () => {
    const answer = await exchange(gateway, head('GET /health HTTP/1.1', 'connection: close'));
    expect(statusesOf(answer)).toEqual([400]);
    expect(answer).toContain('The header Host is missing');
    expect(statusesOf(await exchange(gateway, head('GET /health HTTP/1.0')))).toEqual([200]);
  });

  it.each([
    'localhost:4000/#@x',
    'a b',
    'x@evil.example',
    'evil.example/api/v1/auth',
    '[::1',
    '',
    'x:port',
    '<script>',
  ])('is refused when it is no name of a host: %j', async (host) => {
    const answer = await exchange(gateway, head(me, `host: ${host}`, 'connection: close'));
    expect(statusesOf(answer)).toEqual([400]);
    expect(answer).not.toContain(host || 'nothing');
  });

  it('decides about nothing, nor do its many relatives', async () => {
    for (const lines of [
      ['host: openapi.json'],
      ['host: x', 'x-forwarded-host: /health'],
      ['host: x', 'x-original-url: /health'],
      ['host: x', 'x-rewrite-url: /health'],
      ['host: x', 'x-http-method-override: OPTIONS'],
    ]) {
      const answer = await exchange(gateway, head(me, ...lines, 'connection: close'));
      expect([lines, statusesOf(answer)]).toEqual([lines, [401]]);
    }
    const absolute = head('GET http://localhost/health?/../api/v1/users/me HTTP/1.1', 'host: x', 'connection: close');
    expect(statusesOf(await exchange(gateway, absolute))[0]).toBeGreaterThanOrEqual(200);
    const encoded = await gateway.get('/health/..%2fapi/v1/users/me');
    expect([400, 401, 404]).toContain(encoded.status);
  });
});

describe('a JSON body', () => {
  interface Operation {
    requestBody?: { content?: Record<string, unknown> };
  }

  async function jsonRoutes(): Promise<{ method: string; path: string }[]> {
    const { body } = await gateway.get('/openapi.json');
    return Object.entries(Object(body['paths'])).flatMap(([path, operations]) =>
      Object.entries<Operation>(Object(operations))
        .filter(([, { requestBody }]) => requestBody?.content?.['application/json'])
        .map(([method]) => ({ method: method.toUpperCase(), path: path.replace(/\{\w+\}/g, crypto.randomUUID()) })),
    );
  }

  async function send(
    { method, path }: { method: string; path: string },
    body: string | Uint8Array<ArrayBuffer>,
    headers = {},
  ) {
    const init = { method, body, headers: { 'content-type': 'application/json', ...bearer, ...headers } };
    const response = await fetch(gateway.url + path, init);
    return { path, status: response.status, text: await response.text() };
  }

  it.each([
    ['pollutes prototypes by __proto__', '{"__proto__":{"polluted":true}}', ''],
    ['pollutes prototypes further down', '{"message":"x","context":{"a":[{"__proto__":{"polluted":true}}]}}', ''],
    ['pollutes prototypes by constructor', '{"message":"x","constructor":{"prototype":{"polluted":true}}}', ''],
    ['has an escaped __proto__', '{"\\u005f_proto__":{"polluted":true}}', ''],
    ['is 100,000 levels deep', '[{"a":'.repeat(50_000) + '1' + '}]'.repeat(50_000), 'nested deeper than 64 levels'],
  ])(
    'that %s is 400 on every route that takes JSON',
    async (_name, body, reason) => {
      const routes = await jsonRoutes();
      expect(routes.length).toBeGreaterThan(15);
      for (const route of routes) {
        const { status, text } = await send(route, body);
        // An admin's route refuses the caller first.
        const isRefused = status === 403 || (status === 400 && text.includes(reason));
        expect([route.path, isRefused]).toEqual([route.path, true]);
        expect(text).not.toContain('polluted":true');
      }
      expect(Object(Object.prototype)['polluted']).toBeUndefined();
    },
    60_000,
  );

  it('that is packed is 415, so that no kilobyte becomes a gigabyte here', async () => {
    const bomb = gzipSync(JSON.stringify({ message: 'x'.repeat(50_000_000) }));
    expect(bomb.length).toBeLessThan(100_000);
    for (const encoding of ['gzip', 'deflate', 'br', 'zstd', 'gzip, gzip', 'GZIP']) {
      const route = { method: 'POST', path: '/api/v1/llm/chat' };
      const { status, text } = await send(route, bomb, { 'content-encoding': encoding });
      expect([encoding, status]).toEqual([encoding, 415]);
      expect(text).toContain('must come without a Content-Encoding');
    }
  });

  it('of 300,000 empty lists, or 80,000 keys, is answered and does not hold up others', async () => {
    const lists = `[${'[],'.repeat(300_000)}[]]`;
    const keys = `{${Array.from({ length: 80_000 }, (_, index) => `"k${index}":1`).join()}}`;
    for (const body of [lists, keys]) {
      const { status } = await send({ method: 'POST', path: '/api/v1/llm/chat' }, body);
      expect(status).toBe(400);
      expect((await gateway.get('/health')).status).toBe(200);
    }
  });
});

describe('slow clients', () => {
  let impatient: Gateway;
  beforeAll(async () => {
    impatient = await bootGateway({
      DATABASE_URL: gateway.databaseUrl,
      HEADERS_TIMEOUT_MS: '300',
      RECEIVE_TIMEOUT_MS: '600',
      KEEP_ALIVE_TIMEOUT_MS: '300',
    });
  }, 30_000);
  afterAll(() => impatient.close());

  it('that send nothing, headers or a body by the drop lose their connection', async () => {
    const drop = (text: string, times: number) => Array.from({ length: times }, () => text);
    const silent = exchange(impatient);
    const headers = exchange(impatient, 'GET /health HTTP/1.1\r\nhost: x\r\n', ...drop('x-a: b\r\n', 80));
    const login = ['POST /api/v1/auth/login HTTP/1.1', 'host: x', 'content-type: application/json'];
    const body = exchange(impatient, head(...login, 'content-length: 1000'), ...drop('{', 80));
    const startedAt = Date.now();
    expect(statusesOf(await headers)).toEqual([408]);
    expect(statusesOf(await body)).toEqual([408]);
    await silent;
    expect(Date.now() - startedAt).toBeLessThan(5_000);
  }, 20_000);

  it('that are idle between requests lose their connection, too', async () => {
    const answer = await exchange(impatient, head('GET /health HTTP/1.1', 'host: x'));
    expect(statusesOf(answer)).toEqual([200]);
  }, 20_000);
});

describe('connections', () => {
  let few: Gateway;
  beforeAll(async () => {
    const limits = { CONNECTIONS_PER_ADDRESS_MAX: '3', REQUESTS_PER_CONNECTION_MAX: '2' };
    few = await bootGateway({ DATABASE_URL: gateway.databaseUrl, ...limits });
  }, 30_000);
  afterAll(() => few.close());

  it('of one address beyond its share are closed, and one that ends makes room', async () => {
    const open = await Promise.all([1, 2, 3].map(() => openConnection(few)));
    expect(await exchange(few, head('GET /health HTTP/1.1', 'host: x'))).toBe('');
    const [first] = open;
    first?.destroy();
    const again = () => exchange(few, head('GET /health HTTP/1.1', 'host: x', 'connection: close'));
    await eventually(again, (answer) => statusesOf(answer)[0] === 200);
    for (const socket of open) socket.destroy();
  }, 30_000);

  it('serve so many requests and no more', async () => {
    const socket = await openConnection(few);
    let received = '';
    socket.on('data', (chunk: string) => (received += chunk));
    for (const expected of [[200], [200, 200], [200, 200, 503]]) {
      socket.write(head('GET /health HTTP/1.1', 'host: x'));
      const statuses = () => statusesOf(received);
      expect(await eventually(statuses, ({ length }) => length === expected.length)).toEqual(expected);
    }
    expect(received.toLowerCase()).toContain('connection: close');
    socket.destroy();
  }, 30_000);

  it('beyond the total are closed, whoever sends X-Forwarded-For', async () => {
    const limits = { CONNECTIONS_MAX: '2', TRUST_PROXY: 'true' };
    const crowded = await bootGateway({ DATABASE_URL: gateway.databaseUrl, ...limits });
    const open = await Promise.all([1, 2].map(() => openConnection(crowded)));
    expect(await exchange(crowded, head('GET /health HTTP/1.1', 'host: x', 'x-forwarded-for: 1.2.3.4'))).toBe('');
    for (const socket of open) socket.destroy();
    await crowded.close();
  }, 30_000);
});

describe('answers', () => {
  it('carry the headers of helmet, also when they are errors', async () => {
    jest.spyOn(gateway.app.get(Messages), 'send').mockRejectedValue(new TypeError('secret'));
    const answers = [
      await gateway.get('/health'),
      await gateway.get('/nowhere'),
      await gateway.get('/api/v1/users/me'),
      await gateway.post('/api/v1/llm/chat', { message: 'x' }, bearer),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 401, 500]);
    for (const { headers } of answers) {
      expect(headers.get('content-security-policy')).toMatch(/default-src 'self'.*frame-ancestors 'none'/);
      expect(headers.get('strict-transport-security')).toMatch(/^max-age=\d{8}/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('SAMEORIGIN');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
      expect(headers.get('x-powered-by')).toBeNull();
      expect(headers.get('server')).toBeNull();
    }
  });

  it('allow a page of a listed origin to read them and to send credentials, and no other', async () => {
    const preflight = (origin: string) =>
      fetch(`${gateway.url}/api/v1/llm/chat`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
      });
    const listed = await preflight('https://app.example.com');
    expect(listed.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    expect(listed.headers.get('access-control-allow-credentials')).toBe('true');
    expect(listed.headers.get('vary')?.toLowerCase()).toContain('origin');
    for (const origin of [
      'https://app.example.com.evil.example',
      'https://evil.example',
      'http://app.example.com',
      'https://app.example.com:8443',
      'https://APP.example.com.',
      'null',
      '*',
    ]) {
      const { headers } = await preflight(origin);
      expect([origin, headers.get('access-control-allow-origin')]).toEqual([origin, null]);
    }
  });

  it('keep the refresh token in a cookie that no script reads and no other site sends', async () => {
    const { email } = await newUser(gateway);
    const { headers } = await gateway.post('/api/v1/auth/login', { email, password: 'correct horse battery' });
    const cookie = headers.get('set-cookie') ?? '';
    for (const part of ['HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/api/v1/auth', 'Max-Age=']) {
      expect(cookie).toContain(part);
    }
    expect(headers.get('cache-control')).toBe('no-store');
  });
});
