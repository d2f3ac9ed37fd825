import { AppError } from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { currentRequest } from '@tollgate/observability';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { bootGateway, newUser, type Gateway } from './gateway.js';

const UUID = /^[0-9a-f-]{36}$/;

let gateway: Gateway;
let bearer: { authorization: string };

beforeAll(async () => {
  gateway = await bootGateway({ REQUEST_TIMEOUT_MS: '300', CORS_ORIGINS: 'https://app.example.com' });
  ({ bearer } = await newUser(gateway));
}, 30_000);
afterAll(() => gateway.close());
afterEach(() => jest.restoreAllMocks());

describe('streams', () => {
  const chat = (init: RequestInit = {}) =>
    fetch(`${gateway.url}/api/v1/llm/chat/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...bearer },
      body: JSON.stringify({ message: 'x' }),
      ...init,
    });

  it('are stopped at once when the client leaves in the middle', async () => {
    const leave = new AbortController();
    const stopped = new Promise<number>((resolve) => {
      jest.spyOn(gateway.app.get(Messages), 'stream').mockImplementation(async function* () {
        const { signal } = currentRequest() ?? {};
        yield { type: 'delta', text: 'one' };
        await new Promise<void>((aborted) => signal?.addEventListener('abort', () => aborted()));
        resolve(performance.now());
        throw new AppError('cancelled', 'The request was cancelled.');
      });
    });
    const response = await chat({ signal: leave.signal });
    const leftAt = performance.now();
    leave.abort();
    expect((await stopped) - leftAt).toBeLessThan(200);
    await expect(response.text()).rejects.toThrow();
    await delay(50);
    const metrics = await (await fetch(`${gateway.url}/metrics`, { headers: { accept: 'text/plain' } })).text();
    expect(metrics).toMatch(
      /tollgate_http_requests_total\{route="\/api\/v1\/llm\/chat\/stream",method="POST",status="499"/,
    );
    expect(metrics).toMatch(/tollgate_http_streams_open\{app="gateway"\} 0/);
  });

  it('pull no more parts than the client reads', async () => {
    let pulled = 0;
    jest.spyOn(gateway.app.get(Messages), 'stream').mockImplementation(async function* () {
      for (; pulled < 2_000; pulled += 1) yield { type: 'delta', text: 'x'.repeat(50_000) };
    });
    const response = await chat();
    await delay(500);
    const pulledUnread = pulled;
    expect(pulledUnread).toBeLessThan(1_000);
    expect((await response.text()).length).toBeGreaterThan(100_000_000);
    expect(pulled).toBe(2_000);
  });

  it('carry the request id and CORS headers like every answer', async () => {
    jest.spyOn(gateway.app.get(Messages), 'stream').mockImplementation(async function* () {
      yield await Promise.resolve({ type: 'delta', text: 'one' });
    });
    const headers = { 'content-type': 'application/json', origin: 'https://app.example.com', ...bearer };
    const response = await chat({ headers });
    expect(response.headers.get('x-request-id')).toMatch(UUID);
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    await response.text();
  });
});

describe('stopping', () => {
  it('finishes a stream in flight, refuses new connections and does not wait for idle, silent or stalled ones', async () => {
    const stopping = await bootGateway();
    const user = await newUser(stopping);
    jest.spyOn(stopping.app.get(Messages), 'stream').mockImplementation(async function* () {
      yield { type: 'delta', text: 'one' };
      await delay(600);
      yield { type: 'delta', text: 'two' };
    });
    const response = await fetch(`${stopping.url}/api/v1/llm/chat/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...user.bearer },
      body: JSON.stringify({ message: 'x' }),
    });
    const { hostname, port } = new URL(stopping.url);
    const [silent, halfSent] = [connect(Number(port), hostname), connect(Number(port), hostname)];
    for (const socket of [silent, halfSent]) socket.on('error', () => socket.destroy());
    await Promise.all([once(silent, 'connect'), once(halfSent, 'connect')]);
    halfSent.write('GET /health HTTP/1.1\r\nhost:');
    const startedAt = Date.now();
    const closed = stopping.close();
    await delay(100);
    await expect(fetch(`${stopping.url}/health`)).rejects.toThrow();
    expect(await response.text()).toBe(
      'data: {"type":"delta","delta":"one"}\n\ndata: {"type":"delta","delta":"two"}\n\ndata: [DONE]\n\n',
    );
    await closed;
    expect(Date.now() - startedAt).toBeLessThan(3_000);
  }, 30_000);
});
