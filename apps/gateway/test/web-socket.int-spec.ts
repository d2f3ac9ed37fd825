import { Database } from '@tollgate/database';
import { Messages } from '@tollgate/messaging';
import { currentRequest } from '@tollgate/observability';
import { eventually, newTestDatabase, refusedHandshake, WebSocketClient } from '@tollgate/testing';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { bearer, bootGateway, newUser, type Gateway } from './gateway.js';

const app = 'https://app.example.com';

let database: Awaited<ReturnType<typeof newTestDatabase>>;
let gateways: [Gateway, Gateway];

beforeAll(async () => {
  database = await newTestDatabase();
  const environment = {
    DATABASE_URL: database.url,
    CORS_ORIGINS: app,
    BODY_BYTES_MAX: '65536',
    WEBSOCKET_ACCOUNT_CONNECTIONS_MAX: '3',
    WEBSOCKET_PING_INTERVAL_MS: '300',
  };
  gateways = [await bootGateway(environment), await bootGateway(environment)];
}, 60_000);
afterEach(() => jest.restoreAllMocks());
afterAll(async () => {
  for (const gateway of gateways) await gateway.close();
  await database.drop();
}, 30_000);

const chat = (gateway: Gateway = gateways[0]) => `${gateway.url}/ws/chat`;
const connect = (headers: Record<string, string>, gateway?: Gateway) =>
  WebSocketClient.connect(chat(gateway), { headers });

async function ticketOf(headers: Record<string, string>): Promise<string> {
  const { status, body } = await gateways[0].post('/api/v1/ws/tickets', {}, headers);
  expect(status).toBe(201);
  return String(body['ticket']);
}

/** The services behind the gateways answer so. */
function answerWith(parts: () => AsyncGenerator<object>) {
  for (const gateway of gateways) {
    jest.spyOn(gateway.app.get(Messages), 'stream').mockImplementation(parts as () => AsyncGenerator<never>);
  }
}

/** Says one thing, then goes on until it is cancelled. */
async function* endless() {
  yield { type: 'delta', text: 'one' };
  const signal = currentRequest()?.signal;
  if (signal && !signal.aborted) await once(signal, 'abort');
  signal?.throwIfAborted();
}

describe('a handshake', () => {
  it.each(['/ws/chat', '/api/v1/ws/chat', '/ws/chat/'])('at %s is greeted, and a ping is answered', async (path) => {
    const { bearer: headers } = await newUser(gateways[0]);
    const client = await WebSocketClient.connect(gateways[0].url + path, { headers, protocols: ['tollgate.chat.v1'] });
    expect(client.socket.protocol).toBe('tollgate.chat.v1');
    expect(client.socket.extensions).toBe('');
    const ready = await client.heard(({ type }) => type === 'ready');
    expect(ready).toMatchObject({ protocol: 'tollgate.chat.v1', connection_id: expect.any(String) });
    expect(Date.parse(String(ready['expires_at']))).toBeGreaterThan(Date.now() + 800_000);
    client.send({ type: 'ping', ref: 'p' });
    expect(await client.last('p')).toEqual({ type: 'pong', ref: 'p' });
    await client.close();
  });

  it('without a token, with a bad one or with a key of another scope is refused in the shape of every error', async () => {
    expect(await refusedHandshake(chat())).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': expect.any(String), 'x-request-id': expect.any(String), connection: 'close' },
      body: { error: { code: 'unauthenticated' }, request_id: expect.any(String) },
    });
    expect(await refusedHandshake(chat(), { headers: bearer('nonsense') })).toMatchObject({ status: 401 });
    const { bearer: login } = await newUser(gateways[0]);
    const key = await gateways[0].post('/api/v1/api-keys', { name: 'k', scopes: ['usage'] }, login);
    const headers = bearer(String(key.body['key']));
    expect(await refusedHandshake(chat(), { headers })).toMatchObject({
      status: 403,
      body: { error: { code: 'forbidden' } },
    });
  });

  it('from a page that may not call, or for another subprotocol, is refused', async () => {
    const { bearer: headers } = await newUser(gateways[0]);
    expect(await refusedHandshake(chat(), { headers, origin: 'https://evil.example.com' })).toMatchObject({
      status: 403,
      body: { error: { code: 'forbidden' } },
    });
    expect(await refusedHandshake(chat(), { headers, protocols: ['graphql-ws'] })).toMatchObject({ status: 400 });
    const client = await WebSocketClient.connect(chat(), { headers, origin: app });
    await client.close();
  });

  it('at any other path is 404, and a plain GET is told what it lacks', async () => {
    const { bearer: headers } = await newUser(gateways[0]);
    expect(await refusedHandshake(`${gateways[0].url}/ws/nothing`, { headers })).toMatchObject({ status: 404 });
    expect(await gateways[0].get('/ws/chat', headers)).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_request' } },
    });
  });

  it('that is no WebSocket is answered as HTTP: another upgrade, a wrong version, no key', async () => {
    const { bearer: headers } = await newUser(gateways[0]);
    const { authorization } = headers;
    const h2c = 'upgrade: h2c\r\nconnection: upgrade, http2-settings, close\r\nhttp2-settings: AAMAAABkAAQ\r\n';
    expect(await rawly(`GET /health HTTP/1.1\r\nhost: x\r\n${h2c}\r\n`)).toMatch(/^HTTP\/1.1 200 /);
    const head = `GET /ws/chat HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\nconnection: upgrade\r\nupgrade: websocket\r\n`;
    for (const rest of [
      'sec-websocket-version: 13',
      'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 7',
    ]) {
      const answer = await rawly(`${head}${rest}\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1.1 400 /);
      expect(answer).toContain('"code":"invalid_request"');
    }
  });

  it('beyond the connections of an account is refused until one is closed', async () => {
    const { bearer: headers } = await newUser(gateways[0]);
    const clients = await Promise.all([connect(headers), connect(headers), connect(headers)]);
    expect(await refusedHandshake(chat(), { headers })).toMatchObject({
      status: 429,
      headers: { 'retry-after': '1' },
      body: { error: { code: 'rate_limit_exceeded' }, limit: 3 },
    });
    await clients[0]?.close();
    const next = await eventually(
      () => connect(headers).catch(() => undefined),
      (client) => client !== undefined,
    );
    for (const client of [...clients, next]) await client?.close();
  });
});

describe('a ticket', () => {
  it('opens one connection for whom it was made, of a token or a key, and no second one', async () => {
    const user = await newUser(gateways[0]);
    const key = await gateways[0].post('/api/v1/api-keys', { name: 'k', scopes: ['inference'] }, user.bearer);
    for (const headers of [user.bearer, bearer(String(key.body['key']))]) {
      const ticket = await ticketOf(headers);
      const client = await WebSocketClient.connect(`${chat(gateways[1])}?ticket=${ticket}`);
      await client.heard(({ type }) => type === 'ready');
      await client.close();
      expect(await refusedHandshake(`${chat()}?ticket=${ticket}`)).toMatchObject({
        status: 401,
        body: { error: { code: 'unauthenticated' } },
      });
    }
  });

  it('that is used at the same moment at two gateways opens exactly one connection', async () => {
    const { bearer: headers } = await newUser(gateways[0]);
    for (let round = 0; round < 10; round += 1) {
      const ticket = await ticketOf(headers);
      const tries = await Promise.allSettled(
        Array.from({ length: 6 }, (_, index) =>
          WebSocketClient.connect(`${chat(gateways[index % 2])}?ticket=${ticket}`),
        ),
      );
      const opened = tries.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      expect(opened).toHaveLength(1);
      await opened[0]?.close();
    }
  });

  it('is no ticket when it is made up, expired, or comes beside a token', async () => {
    const { bearer: headers } = await newUser(gateways[0]);
    expect(await refusedHandshake(`${chat()}?ticket=tgw_made-up`)).toMatchObject({ status: 401 });
    const ticket = await ticketOf(headers);
    expect(await refusedHandshake(`${chat()}?ticket=${ticket}`, { headers })).toMatchObject({ status: 400 });
    const short = await bootGateway({ DATABASE_URL: database.url, WEBSOCKET_TICKET_TTL_SECONDS: '1' });
    try {
      const { body } = await short.post('/api/v1/ws/tickets', {}, headers);
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      expect(await refusedHandshake(`${chat(short)}?ticket=${String(body['ticket'])}`)).toMatchObject({ status: 401 });
    } finally {
      await short.close();
    }
  });

  it('needs a token to be made', async () => {
    expect(await gateways[0].post('/api/v1/ws/tickets', {})).toMatchObject({ status: 401 });
  });
});

describe('a connection', () => {
  it('answers garbage with errors of the table and goes on', async () => {
    const { bearer: headers } = await newUser(gateways[0]);
    const client = await connect(headers);
    const garbage = ['', 'nonsense', '[]', '{"type":"shout","ref":"a"}', `${'['.repeat(20_000)}`, 'null', '\u0000'];
    for (const frame of garbage) client.send(frame);
    client.send({ type: 'ping', ref: 'p' });
    await client.last('p');
    const errors = client.frames.filter(({ type }) => type === 'error');
    expect(errors).toHaveLength(garbage.length);
    for (const error of errors) {
      expect(error).toMatchObject({ error: { code: 'invalid_request', type: 'invalid_request_error' } });
    }
    expect(errors.filter(({ ref }) => ref === 'a')).toHaveLength(1);
    await client.close();
  });

  it('ends with the code that says why: too large, binary, too many, no UTF-8', async () => {
    const { bearer: headers } = await newUser(gateways[0]);
    const endOf = async (misbehave: (client: WebSocketClient) => void) => {
      const client = await connect(headers);
      misbehave(client);
      return (await client.closed).code;
    };
    expect(await endOf((client) => client.send('x'.repeat(70_000)))).toBe(1009);
    expect(await endOf(({ socket }) => socket.send(Buffer.from('x')))).toBe(1003);
    expect(await endOf((client) => Array.from({ length: 100 }, () => client.send({ type: 'ping' })))).toBe(4429);
    expect(await endOf(({ socket }) => Array.from({ length: 100 }, () => socket.ping()))).toBe(4429);
    expect(await endOf(({ socket }) => socket.send(Buffer.from([0xff, 0xfe]), { binary: false }))).toBe(1007);
  });

  it('whose client does not answer pings is cut off', async () => {
    const { bearer: headers } = await newUser(gateways[0]);
    const dead = await WebSocketClient.connect(chat(), { headers, autoPong: false });
    expect((await dead.closed).code).toBe(1006);
    const alive = await connect(headers);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    alive.send({ type: 'ping', ref: 'p' });
    await alive.last('p');
    await alive.close();
  });

  it('ends when its API key is revoked or its user deleted, at every gateway', async () => {
    const user = await newUser(gateways[0]);
    const key = await gateways[0].post('/api/v1/api-keys', { name: 'k', scopes: ['inference'] }, user.bearer);
    const byKey = await connect(bearer(String(key.body['key'])), gateways[1]);
    const byToken = await connect(user.bearer, gateways[1]);
    const path = `${gateways[0].url}/api/v1/api-keys/${String(key.body['id'])}`;
    expect((await fetch(path, { method: 'DELETE', headers: user.bearer })).status).toBe(204);
    expect(await byKey.closed).toEqual({ code: 4401, reason: 'unauthenticated' });
    expect(byKey.frames.at(-1)).toMatchObject({ type: 'error', error: { code: 'unauthenticated' } });
    byToken.send({ type: 'ping', ref: 'p' });
    await byToken.last('p');
    await removeUser(user.email);
    expect(await byToken.closed).toEqual({ code: 4401, reason: 'unauthenticated' });
  });

  it('ends with its token, and its answers with it, unless it is authenticated anew by its user', async () => {
    const short = await bootGateway({ DATABASE_URL: database.url, ACCESS_TOKEN_TTL_SECONDS: '3' });
    try {
      const [user, other] = [await newUser(short), await newUser(short)];
      const ticketFor = async (headers: Record<string, string>) =>
        String((await short.post('/api/v1/ws/tickets', {}, headers)).body['ticket']);
      const [renewed, left] = [await connect(user.bearer, short), await connect(user.bearer, short)];
      const cancelled = new Promise<void>((resolve) => {
        jest.spyOn(short.app.get(Messages), 'stream').mockImplementation(async function* () {
          yield { type: 'delta', text: 'one' } as never;
          const signal = currentRequest()?.signal;
          if (signal) await once(signal, 'abort');
          resolve();
        });
      });
      left.send({ type: 'message', ref: 'm', message: 'Hello' });
      await left.heard(({ type }) => type === 'delta');
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      const login = await short.post('/api/v1/auth/refresh', { refresh_token: user.refreshToken });
      const ticket = await ticketFor(bearer(String(login.body['access_token'])));
      renewed.send({ type: 'authenticate', ref: 'wrong', ticket: await ticketFor(other.bearer) });
      renewed.send({ type: 'authenticate', ref: 'right', ticket });
      renewed.send({ type: 'authenticate', ref: 'again', ticket });
      expect(await renewed.last('wrong')).toMatchObject({ type: 'error', error: { code: 'forbidden' } });
      expect(await renewed.last('right')).toMatchObject({ type: 'authenticated', expires_at: expect.any(String) });
      expect(await renewed.last('again')).toMatchObject({ type: 'error', error: { code: 'unauthenticated' } });
      expect(await left.closed).toEqual({ code: 4401, reason: 'token_expired' });
      await cancelled;
      renewed.send({ type: 'ping', ref: 'p' });
      await renewed.last('p');
      expect(await renewed.closed).toEqual({ code: 4401, reason: 'token_expired' });
    } finally {
      await short.close();
    }
  });

  it('answers one message of its conversation at a time, and another with the same ref not at all', async () => {
    answerWith(endless);
    const { bearer: headers } = await newUser(gateways[0]);
    const client = await connect(headers);
    client.send({ type: 'message', ref: '1', message: 'Hello' });
    await client.heard(({ type }) => type === 'delta');
    client.send({ type: 'message', ref: '2', message: 'Hello?' });
    expect(await client.last('2')).toMatchObject({ type: 'error', error: { code: 'session_busy' }, retry_after: 1 });
    client.send({ type: 'session.start', ref: '1', initial_message: 'x' });
    expect(await client.last('1')).toMatchObject({ type: 'error', error: { code: 'invalid_request', param: 'ref' } });
    client.send({ type: 'stop', ref: 'none' });
    expect(await client.last('none')).toMatchObject({ type: 'error', error: { code: 'not_found' } });
    client.send({ type: 'stop', ref: '1' });
    await client.heard(({ type }) => type === 'stopped');
    client.send({ type: 'history', ref: 'h' });
    expect(await client.last('h')).toMatchObject({
      messages: [
        { role: 'user', content: 'Hello' },
        { role: 'assistant', content: 'one' },
      ],
    });
    client.send({ type: 'clear', ref: 'c' });
    await client.last('c');
    client.send({ type: 'history', ref: 'h2' });
    expect(await client.last('h2')).toMatchObject({ messages: [] });
    await client.close();
  });
});

/** As long as nothing refers to it, an account can be deleted. */
async function removeUser(email: string): Promise<void> {
  const db = gateways[0].app.get(Database);
  const { id } = await db.user.findUniqueOrThrow({ where: { email } });
  await db.apiKey.deleteMany({ where: { userId: id } });
  await db.refreshToken.deleteMany({ where: { userId: id } });
  await db.user.delete({ where: { id } });
}

async function rawly(request: string): Promise<string> {
  const { hostname, port } = new URL(gateways[0].url);
  const socket = connectTcp(Number(port), hostname);
  socket.write(request);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}
