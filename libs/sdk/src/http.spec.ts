import { createTollgate, type TollgateOptions } from './index.js';

type Respond = (request: Request, tried: number) => Response | Promise<Response>;

/** A client whose gateway is a function; what was sent is kept. */
function newClient(respond: Respond, options: Partial<TollgateOptions> = {}) {
  const requests: Request[] = [];
  const tollgate = createTollgate({
    baseUrl: 'http://gateway.test/',
    apiKey: 'tg_live_x',
    ...options,
    fetch: async (input, init) => {
      const request = new Request(input, init);
      requests.push(request);
      return respond(request, requests.length);
    },
  });
  return { tollgate, requests };
}

const refusal = (status: number, code: string, headers: Record<string, string> = {}) =>
  Response.json(
    { error: { message: `it is ${code}`, type: 't', param: 'model', code }, detail: { a: 1 }, request_id: 'r-1' },
    { status, headers },
  );
const fast = { 'retry-after': '0' };

describe('retries', () => {
  it.each([
    [429, {}, 3],
    [503, {}, 3],
    [502, {}, 3],
    [429, { 'x-should-retry': 'false' }, 1],
    [503, { 'x-should-retry': 'false' }, 1],
    [400, {}, 1],
    [402, {}, 1],
    [402, { 'x-should-retry': 'true' }, 3],
    [404, {}, 1],
    [429, { 'retry-after': '86400' }, 1],
  ])('of %i with %j: %i tries of a call that costs', async (status, headers, tries) => {
    const { tollgate, requests } = newClient(() => refusal(status, 'overloaded', { ...fast, ...headers }));
    await expect(tollgate.chat.answer({ message: 'x' })).rejects.toMatchObject({ status });
    expect(requests).toHaveLength(tries);
  });

  it('keep one Idempotency-Key, and calls that cost have one of their own each', async () => {
    const { tollgate, requests } = newClient(() => refusal(503, 'overloaded', fast), { retriesMax: 1 });
    for (const _ of [1, 2]) await tollgate.chat.answer({ message: 'x' }).catch(() => undefined);
    const keys = requests.map(({ headers }) => headers.get('idempotency-key'));
    expect(keys[0]).toBe(keys[1]);
    expect(keys[2]).toBe(keys[3]);
    expect(new Set(keys).size).toBe(2);
  });

  it('never repeat a change without a key, unless the gateway has not begun it', async () => {
    const { tollgate, requests } = newClient((_, tried) =>
      tried === 1 ? refusal(429, 'rate_limit_exceeded', fast) : refusal(503, 'replica_lost', fast),
    );
    await expect(tollgate.apiKeys.create({ name: 'x' })).rejects.toMatchObject({ code: 'replica_lost' });
    expect(requests).toHaveLength(2);
  });

  it('come after a connection that broke, and end in an answer', async () => {
    const { tollgate, requests } = newClient((_, tried) => {
      if (tried === 1) throw new TypeError('fetch failed');
      return Response.json({ id: 'me' });
    });
    expect(await tollgate.users.me()).toEqual({ id: 'me' });
    expect(requests).toHaveLength(2);
  });
});

describe('errors', () => {
  it('have the code, the message, the field and the request that the gateway names', async () => {
    const { tollgate } = newClient(() => refusal(404, 'model_not_found'));
    await expect(tollgate.openAi.getModel('gpt-17')).rejects.toMatchObject({
      name: 'TollgateError',
      code: 'model_not_found',
      message: 'it is model_not_found',
      param: 'model',
      detail: { a: 1 },
      requestId: 'r-1',
      status: 404,
    });
  });

  it('of a proxy, or with a code of the future, are internal', async () => {
    const html = newClient(() => new Response('<h1>Bad gateway</h1>', { status: 502, headers: fast }), {
      retriesMax: 0,
    });
    await expect(html.tollgate.users.me()).rejects.toMatchObject({ code: 'internal', status: 502 });
    const future = newClient(() => refusal(418, 'teapot'));
    await expect(future.tollgate.users.me()).rejects.toMatchObject({ code: 'internal', message: 'it is teapot' });
  });

  it('are timed_out when nothing comes, and connection_failed without a connection', async () => {
    const silent = newClient(
      ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      { timeoutMs: 20, retriesMax: 0 },
    );
    await expect(silent.tollgate.users.me()).rejects.toMatchObject({ code: 'timed_out' });
    const broken = newClient(() => Promise.reject(new TypeError('fetch failed')), { retriesMax: 0 });
    await expect(broken.tollgate.users.me()).rejects.toMatchObject({ code: 'connection_failed' });
  });

  it('of an aborted call are the reason of its signal, also while it waits for its next try', async () => {
    const { tollgate, requests } = newClient(() => refusal(503, 'overloaded', { 'retry-after': '30' }));
    const reason = new Error('enough');
    const controller = new AbortController();
    const call = tollgate.users.me({ signal: controller.signal });
    setTimeout(() => controller.abort(reason), 20);
    await expect(call).rejects.toBe(reason);
    expect(requests).toHaveLength(1);
    await expect(tollgate.users.me({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('streams', () => {
  const stream = (text: string, onCancel: () => void = () => undefined) => {
    const bytes = new TextEncoder().encode(text);
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      // One byte at a time: events and characters are cut everywhere.
      pull: (controller) => {
        if (sent === bytes.length) return controller.close();
        controller.enqueue(bytes.slice(sent, (sent += 1)));
      },
      cancel: onCancel,
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  };
  const collect = async (events: AsyncIterable<unknown>) => {
    const all: unknown[] = [];
    for await (const event of events) all.push(event);
    return all;
  };

  it('are read event by event, with pings between them, wherever they are cut', async () => {
    const { tollgate, requests } = newClient(() =>
      stream(
        ': ping\n\ndata: {"type":"delta","delta":"Grüße 東京 😀"}\n\n: ping\n\nid: 4\ndata: {"type":"end"}\n\ndata: [DONE]\n\n',
      ),
    );
    expect(await collect(tollgate.chat.stream({ message: 'x' }))).toEqual([
      { type: 'delta', delta: 'Grüße 東京 😀' },
      { type: 'end' },
    ]);
    expect(requests[0]?.headers.get('accept')).toBe('text/event-stream');
    const either = newClient(() => stream('data: [DONE]\n\n'));
    await collect(either.tollgate.textProcessing.processStream({ text: 'x', task: 'summary' }));
    expect(await either.requests[0]?.json()).toEqual({ text: 'x', task: 'summary', stream: true });
  });

  it('that end without [DONE] are stream_cut, and an error event is raised', async () => {
    const cut = newClient(() => stream('data: {"type":"delta","delta":"a"}\n\n'));
    await expect(collect(cut.tollgate.chat.stream({ message: 'x' }))).rejects.toMatchObject({ code: 'stream_cut' });
    const failed = newClient(() =>
      stream('data: {"error":{"message":"m","type":"t","param":null,"code":"provider_error"},"detail":"m"}\n\n'),
    );
    await expect(collect(failed.tollgate.chat.stream({ message: 'x' }))).rejects.toMatchObject({
      code: 'provider_error',
    });
  });

  it('hand out nothing after an abort, whatever has arrived', async () => {
    const { tollgate } = newClient(() => new Response('data: {"type":"start"}\n\n'.repeat(9) + 'data: [DONE]\n\n'));
    const controller = new AbortController();
    const seen: unknown[] = [];
    const reading = async () => {
      for await (const event of tollgate.chat.stream({ message: 'x' }, { signal: controller.signal })) {
        seen.push(event);
        controller.abort();
      }
    };
    await expect(reading()).rejects.toThrow(/abort/i);
    expect(seen).toHaveLength(1);
  });

  it('are cancelled when their reader leaves', async () => {
    let cancelled = false;
    const { tollgate } = newClient(() => stream('data: {"type":"start"}\n\n'.repeat(100), () => (cancelled = true)));
    for await (const _ of tollgate.chat.stream({ message: 'x' })) break;
    expect(cancelled).toBe(true);
  });
});

describe('requests', () => {
  it('carry paths, queries and a fresh token', async () => {
    let tokens = 0;
    const { tollgate, requests } = newClient(() => Response.json({}), { apiKey: () => `token-${(tokens += 1)}` });
    await tollgate.openAi.getModel('a/b c');
    await tollgate.usage.own({ group_by: ['model', 'task'], limit: 3 });
    expect(requests.map(({ url }) => url)).toEqual([
      'http://gateway.test/v1/models/a%2Fb%20c',
      'http://gateway.test/api/v1/usage?group_by=model&group_by=task&limit=3',
    ]);
    expect(requests.map(({ headers }) => headers.get('authorization'))).toEqual(['Bearer token-1', 'Bearer token-2']);
  });

  it('ask for text by Accept', async () => {
    const { tollgate, requests } = newClient(() => new Response('a,b\r\n'));
    expect(await tollgate.usage.ownCsv({})).toBe('a,b\r\n');
    expect(requests[0]?.headers.get('accept')).toBe('text/csv');
  });
});
