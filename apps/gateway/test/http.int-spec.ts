import { AppError } from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { currentRequest, type RequestContext } from '@tollgate/observability';
import { newTestDatabase } from '@tollgate/testing';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { bootGateway, newUser, type Gateway } from './gateway.js';

const UUID = /^[0-9a-f-]{36}$/;
const text = { text: 'One. Two.', task: 'summary' };

let gateway: Gateway;
let bearer: { authorization: string };

beforeAll(async () => {
  gateway = await bootGateway({ REQUEST_TIMEOUT_MS: '300', CORS_ORIGINS: 'https://app.example.com' });
  ({ bearer } = await newUser(gateway));
}, 30_000);
afterAll(() => gateway.close());
afterEach(() => jest.restoreAllMocks());

describe('errors', () => {
  it.each([
    ['an unknown route is 404', '/api/v1/nope', {}, 404, 'not_found', null],
    ['malformed JSON is 400', '/process-text', '{"text":', 400, 'invalid_request', null],
    ['an empty JSON body is 400', '/process-text', '', 400, 'invalid_request', null],
    ['an empty text is 400', '/process-text', { ...text, text: '  ' }, 400, 'invalid_request', 'text'],
    ['an unknown task is 400', '/process-text', { ...text, task: 'sing' }, 400, 'invalid_request', 'task'],
    [
      'translating to nowhere is 400',
      '/process-text',
      { ...text, task: 'translate' },
      400,
      'invalid_request',
      'target_language',
    ],
    ['the id of another user is 403', '/process-text', { ...text, user_id: 'someone' }, 403, 'forbidden', 'user_id'],
    [
      'the id of another user is 403 in a chat',
      '/api/v1/llm/chat',
      { message: 'x', user_id: 'y' },
      403,
      'forbidden',
      'user_id',
    ],
    [
      'the id of another user is 403 in a stream',
      '/api/v1/llm/chat/stream',
      { message: 'x', user_id: 'y' },
      403,
      'forbidden',
      'user_id',
    ],
    ['a body of 2 MiB is 413', '/process-text', { ...text, text: 'x'.repeat(2 << 20) }, 413, 'payload_too_large', null],
    ['no answer in time is 504', '/api/v1/process-text/', text, 504, 'deadline_exceeded', null],
    [
      'a stream without a first part in time is 504',
      '/process-text',
      { ...text, stream: true },
      504,
      'deadline_exceeded',
      null,
    ],
    [
      'a chat stream without a first part in time is 504',
      '/api/v1/llm/chat/stream',
      { message: 'x' },
      504,
      'deadline_exceeded',
      null,
    ],
  ] as const)('%s', async (_name, path, body, status, code, param) => {
    const answer = await gateway.post(path, body, bearer);
    expect(answer.status).toBe(status);
    expect(answer.body.error).toMatchObject({ code, param });
    expect(answer.body['detail']).toBeDefined();
    expect(answer.body['request_id']).toMatch(UUID);
    expect(answer.headers.get('x-request-id')).toBe(answer.body['request_id']);
  });

  it('a content-type other than JSON is 415', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml']) {
      const answer = await gateway.post('/process-text', 'a=b', { ...bearer, 'content-type': type });
      expect(answer.status).toBe(415);
      expect(answer.body.error?.code).toBe('unsupported_media_type');
    }
  });

  it('a body nested 20,000 levels deep is 400 on every route, one of 64 levels is not', async () => {
    const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    const chat = (context: string) => `{"message":"x","context":{"a":${context}}}`;
    for (const path of ['/api/v1/llm/chat', '/process-text', '/api/v1/auth/login']) {
      const answer = await gateway.post(path, chat(nested(20_000)), bearer);
      expect(answer.status).toBe(400);
      expect(answer.body.error?.code).toBe('invalid_request');
      expect(answer.body.error?.message).toBe('The body is nested deeper than 64 levels.');
    }
    expect((await gateway.post('/api/v1/llm/chat', chat(nested(62)), bearer)).status).toBe(504);
    expect((await gateway.post('/api/v1/llm/chat', chat(nested(63)), bearer)).status).toBe(400);
  });

  it('a key that would pollute prototypes is 400', async () => {
    const answer = await gateway.post('/process-text', '{"text":"x","task":"summary","__proto__":{"a":1}}', bearer);
    expect(answer.status).toBe(400);
  });

  it('a malformed URL and bytes that are no HTTP get the same body', async () => {
    const malformed = await gateway.get('/%zz');
    expect(malformed.status).toBe(400);
    expect(malformed.headers.get('x-request-id')).toBe(malformed.body['request_id']);
    const answer = await raw('NONSENSE\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 400/);
    expect(answer).toContain('"code":"invalid_request"');
  });

  it('a defect tells nothing of itself', async () => {
    jest.spyOn(gateway.app.get(Messages), 'send').mockRejectedValue(new TypeError('secret of the house'));
    const answer = await gateway.post('/process-text', text, bearer);
    expect(answer.status).toBe(500);
    expect(answer.body.error?.code).toBe('internal');
    expect(JSON.stringify(answer.body)).not.toContain('secret');
    expect(answer.headers.get('x-should-retry')).toBe('false');
  });

  it('a full queue is 503 with the time to wait in header and body', async () => {
    const full = new AppError('overloaded', 'full', { retryAfterSeconds: 1.2 });
    jest.spyOn(gateway.app.get(Messages), 'send').mockRejectedValue(full);
    const answer = await gateway.post('/process-text', text, bearer);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(answer.body['retry_after']).toBe(2);
  });
});

describe('requests', () => {
  it("have an id of ours, whatever the client's own is", async () => {
    const theirs = '00000000-0000-7000-8000-000000000000';
    const { headers } = await gateway.get('/health', { 'x-request-id': theirs });
    expect(headers.get('x-request-id')).toMatch(UUID);
    expect(headers.get('x-request-id')).not.toBe(theirs);
  });

  it('stay in the trace of the client', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const { headers } = await gateway.get('/health', { traceparent: `00-${trace}-b7ad6b7169203331-01` });
    expect(headers.get('traceparent')).toMatch(new RegExp(`^00-${trace}-(?!b7ad6b7169203331)`));
  });

  it('carry id, caller and deadline to the services, also when the body comes in two pieces', async () => {
    let seen: RequestContext | undefined;
    jest.spyOn(gateway.app.get(Messages), 'send').mockImplementation(() => {
      seen = currentRequest();
      return Promise.reject(new AppError('overloaded', 'full'));
    });
    const body = JSON.stringify(text);
    const head = `POST /process-text HTTP/1.1\r\nhost: x\r\nauthorization: ${bearer.authorization}\r\nconnection: close\r\n`;
    const answer = await raw(
      `${head}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
      body.slice(5),
    );
    expect(answer).toMatch(/^HTTP\/1.1 503/);
    expect(answer).toContain(`x-request-id: ${seen?.requestId}`);
    expect(seen?.caller?.tier).toBe('free');
    expect(seen?.deadlineAt).toBeGreaterThan(Date.now() - 1_000);
    expect(seen?.signal?.aborted).toBe(false);
  });

  it('are cancelled when the client leaves before the answer', async () => {
    const signal = await new Promise<AbortSignal>((resolve, reject) => {
      const leave = new AbortController();
      jest.spyOn(gateway.app.get(Messages), 'send').mockImplementation(() => {
        const current = currentRequest()?.signal;
        setTimeout(() => leave.abort(), 20);
        if (current) resolve(current);
        else reject(new Error('no signal'));
        return delay(200).then(() => Promise.reject(new AppError('cancelled', 'x')));
      });
      const init = {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...bearer },
        body: JSON.stringify(text),
      };
      fetch(`${gateway.url}/process-text`, { ...init, signal: leave.signal }).catch(() => undefined);
    });
    if (!signal.aborted) await once(signal, 'abort');
    expect(signal.aborted).toBe(true);
    await delay(250);
  });

  it('from a page are answered with CORS headers only when its origin is listed', async () => {
    const listed = await gateway.get('/health', { origin: 'https://app.example.com' });
    expect(listed.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    const other = await gateway.get('/health', { origin: 'https://app.example.com.evil.com' });
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('are counted by route pattern', async () => {
    await gateway.get('/some/path/that/is/not');
    const metrics = await (await fetch(`${gateway.url}/metrics`, { headers: { accept: 'text/plain' } })).text();
    expect(metrics).toMatch(/tollgate_http_requests_total\{route="none",method="GET",status="404",app="gateway"\} \d/);
    expect(metrics).toContain('tollgate_http_request_duration_seconds_bucket');
    expect(metrics).not.toContain('/some/path');
  });
});

describe('without Postgres', () => {
  it('a request is 503 with the time to wait, and served again when Postgres is back', async () => {
    const database = await newTestDatabase();
    const there = new URL(database.url);
    const line = await telephoneLine(Number(there.port), there.hostname);
    const apart = await bootGateway({ DATABASE_URL: Object.assign(new URL(there), line.address).href });
    const user = await newUser(apart);
    line.cut();
    const away = await apart.get('/api/v1/users/me', user.bearer);
    expect(away.status).toBe(503);
    expect(away.body.error?.code).toBe('unavailable');
    expect(away.headers.get('retry-after')).toBe('1');
    expect((await apart.post('/api/v1/auth/refresh', { refresh_token: user.refreshToken })).status).toBe(503);
    await line.mend();
    expect((await apart.get('/api/v1/users/me', user.bearer)).status).toBe(200);
    await apart.close();
    line.cut();
    await database.drop();
  }, 30_000);
});

/** A way to a server that can be cut. */
async function telephoneLine(port: number, host: string) {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, host);
    for (const socket of [near, far]) sockets.add(socket.on('error', () => socket.destroy()));
    near.pipe(far).pipe(near);
  });
  const listen = async (at: number) => {
    server.listen(at, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('not listening');
  return {
    address: { hostname: '127.0.0.1', port: String(bound.port) },
    cut: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    },
    mend: () => listen(bound.port),
  };
}

/** What comes back for bytes sent in pieces, until the connection ends. */
async function raw(...pieces: string[]): Promise<string> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  socket.setEncoding('utf8');
  const closed = once(socket, 'close');
  let received = '';
  socket.on('data', (chunk: string) => (received += chunk));
  for (const piece of pieces) {
    socket.write(piece);
    await delay(50);
  }
  await closed;
  return received;
}
