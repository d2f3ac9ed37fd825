import { gzipSync } from 'node:zlib';
import { AnalysisResponse, LogJob } from '@tollgate/contracts';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestClient } from './client.js';
import { startStack, type Stack } from './stack.js';

type Body = string | FormData | Uint8Array<ArrayBuffer>;

const SMALL_PART = 256 * 1_024;

/** A shop whose database fails in every tenth request of the second half; stack traces belong to their error. */
function shopLog(lines: number): { text: string; errors: number; lines: number } {
  const out: string[] = [];
  let errors = 0;
  for (let index = 0; out.length < lines; index += 1) {
    const time = new Date(Date.UTC(2026, 0, 15, 10) + index * 1_000).toISOString();
    if (out.length > lines / 2 && index % 10 === 0) {
      errors += 1;
      out.push(`${time} ERROR database: connection to 10.1.2.3 failed after ${index} ms`);
      out.push(
        'java.net.ConnectException: refused',
        '\tat shop.Pool.get(Pool.java:12)',
        '\tat shop.Main.run(Main.java:3)',
      );
    } else out.push(`${time} INFO web: GET /items/${index} answered in ${index % 90} ms`);
  }
  return { text: `${out.join('\n')}\n`, errors, lines: out.length };
}

const shop = shopLog(2_000);
let stack: Stack;

beforeAll(async () => {
  stack = await startStack(
    {
      LOG_UPLOAD_BYTES_MAX: '3000000',
      LOG_JOB_BYTES_MAX: '60000000',
      LOG_PART_BYTES: String(SMALL_PART),
    },
    ['log-analysis', 'llm-router'],
  );
}, 60_000);
afterEach(() => {
  stack.local.reset();
  stack.cloud.reset();
});
afterAll(() => stack.stop(), 60_000);

function send(client: TestClient, path: string, body: Body, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${stack.url}/api/v1/llm/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${client.token}`, ...headers },
    body,
  });
}

function formOf(file: Uint8Array<ArrayBuffer> | string, name: string, fields: Record<string, string> = {}): FormData {
  const form = new FormData();
  form.append('file', new Blob([file]), name);
  for (const [field, value] of Object.entries(fields)) form.append(field, value);
  return form;
}

async function answerOf(response: Response): Promise<AnalysisResponse> {
  const body: unknown = await response.json();
  expect(response.status === 200 ? 200 : body).toBe(200);
  return AnalysisResponse.parse(body);
}

const found = { key_metrics: { lines: shop.lines, levels: { error: shop.errors } }, errors: [{ count: shop.errors }] };
const text = { 'content-type': 'text/plain' };

describe('an upload', () => {
  const zipped = new Uint8Array(gzipSync(shop.text));
  const records = shop.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.stringify({ message: line.slice(30), level: line.slice(25, 30).trim() }))
    .join('\n');

  it.each<[string, () => Body, Record<string, string>]>([
    ['plain text', () => shop.text, text],
    ['plain text, gzip', () => zipped, { ...text, 'content-encoding': 'gzip' }],
    ['a gzip file', () => zipped, { 'content-type': 'application/gzip' }],
    ['gzip that nobody said is any', () => zipped, text],
    ['a form', () => formOf(shop.text, 'app.log'), {}],
    ['a form with a .gz', () => formOf(zipped, 'app.log.gz'), {}],
  ])('as %s is read as the same log', async (_what, body, headers) => {
    const client = await TestClient.register(stack.url);
    const answer = await answerOf(await send(client, 'detect-errors', body(), headers));
    expect(answer.structured_data).toMatchObject(found);
    expect(answer.metadata).toMatchObject({ lines: shop.lines, unreadable_lines: 0, cut_lines: 0 });
  });

  it('of NDJSON has entry N on line N', async () => {
    const client = await TestClient.register(stack.url);
    const headers = { 'content-type': 'application/x-ndjson' };
    const answer = await answerOf(await send(client, 'analyze', records, headers));
    expect(answer.metadata.lines).toBe(shop.lines);
    expect(answer.structured_data).toMatchObject({ key_metrics: { levels: { error: shop.errors } } });
  });

  it('is asked a question in a field of its form or a parameter, and leaves nothing behind', async () => {
    const client = await TestClient.register(stack.url);
    const prompt = 'How many errors?';
    const ask = [
      () => send(client, 'query', formOf(shop.text, 'app.log', { prompt, structured_output: 'true' })),
      () => send(client, `query?prompt=${encodeURIComponent(prompt)}`, shop.text, text),
    ];
    for (const asked of ask) {
      const answer = await answerOf(await asked());
      expect(answer).toMatchObject({ model_used: 'none', structured_data: { answer: { matched: shop.errors } } });
    }
    await expect(stack.query('SELECT id FROM log_upload')).resolves.toEqual([]);
  });

  it('is counted and limited as a call, and answered once for one Idempotency-Key', async () => {
    const client = await TestClient.register(stack.url);
    const headers = { ...text, 'idempotency-key': 'one' };
    const first = await send(client, 'summarize', shop.text, headers);
    const again = await send(client, 'summarize', shop.text, headers);
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await again.json()).toEqual(await first.json());
    expect(stack.local.calls()).toHaveLength(1);
    expect((await send(client, 'summarize', `${shop.text}more`, headers)).status).toBe(422);
    expect((await fetch(`${stack.url}/api/v1/llm/analyze`, { method: 'POST', headers: text, body: 'x' })).status).toBe(
      401,
    );
  });

  it('says which lines could not be read as they are', async () => {
    const client = await TestClient.register(stack.url);
    const bytes = Buffer.concat([Buffer.from('ok\nbad '), Buffer.from([0xff, 0xfe]), Buffer.from('\nok\n')]);
    const answer = await answerOf(await send(client, 'analyze', bytes, text));
    expect(answer.metadata).toMatchObject({ lines: 3, unreadable_lines: 1 });
  });

  it.each<[string, number, string, () => Body, Record<string, string>, string | null]>([
    ['too large', 413, 'analyze', () => 'x\n'.repeat(2_000_000), text, 'body'],
    ['a bomb', 413, 'analyze', () => formOf(new Uint8Array(gzipSync(Buffer.alloc(50_000_000))), 'x.gz'), {}, 'file'],
    [
      'cut gzip',
      400,
      'analyze',
      () => new Uint8Array(gzipSync(shop.text)).slice(0, 900),
      { ...text, 'content-encoding': 'gzip' },
      'body',
    ],
    ['no gzip', 400, 'analyze', () => 'plain', { ...text, 'content-encoding': 'gzip' }, 'body'],
    ['empty', 400, 'analyze', () => formOf('', 'x.log'), {}, 'file'],
    ['a form without a file', 400, 'analyze', () => formOfFields({ prompt: 'why?' }), {}, 'file'],
    ['an unknown parameter', 400, 'analyze?model_name=x', () => 'x', text, 'model_name'],
    [
      'an unknown parameter beside JSON',
      400,
      'analyze?a=1',
      () => '{"log_text":"x"}',
      { 'content-type': 'application/json' },
      'a',
    ],
    ['a number that is none', 400, 'analyze?max_tokens=', () => 'x', text, 'max_tokens'],
    ['another encoding', 415, 'analyze', () => 'x', { ...text, 'content-encoding': 'br' }, null],
    ['another type', 415, 'analyze', () => 'x', { 'content-type': 'image/png' }, null],
    ['text where none is taken', 415, 'chat', () => 'x', text, null],
  ])('that is refused says why: %s', async (_what, status, path, body, headers, param) => {
    const client = await TestClient.register(stack.url);
    const response = await send(client, path, body(), headers);
    const answer: unknown = await response.json();
    expect({ status: response.status, answer }).toMatchObject({ status, answer: { error: { param } } });
    expect((await client.me()).usage.tokens_this_month.used).toBe(0);
  });
});

function formOfFields(fields: Record<string, string>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}

async function createJob(client: TestClient, path: string, body: Body): Promise<LogJob> {
  const response = await send(client, path, body, text);
  const answer: unknown = await response.json();
  expect({ status: response.status, answer }).toMatchObject({ status: 202 });
  return LogJob.parse(answer);
}

async function jobOf(client: TestClient, { id }: LogJob): Promise<LogJob> {
  return LogJob.parse(await (await client.get(`/api/v1/llm/log-jobs/${id}`)).json());
}

async function ended(client: TestClient, job: LogJob): Promise<LogJob> {
  for (let now = job; ; now = await jobOf(client, job)) {
    if (now.finished_at !== null) return now;
    await sleep(100);
  }
}

describe('a job', () => {
  const large = shopLog(40_000);

  it('reads its log in parts and finds what one pass finds, for its account alone', async () => {
    const client = await TestClient.register(stack.url);
    const job = await createJob(client, 'log-jobs?task=detect-errors', large.text);
    expect(job).toMatchObject({ bytes: large.text.length, progress: { lines_total: large.lines } });
    const end = await ended(client, job);
    expect(end).toMatchObject({
      status: 'completed',
      progress: { lines: large.lines, parts: job.progress.parts_total },
    });
    expect(job.progress.parts_total).toBeGreaterThan(2);
    expect(end.result?.structured_data).toMatchObject({
      error_count: large.errors,
      key_metrics: { lines: large.lines },
      errors: [{ count: large.errors }],
    });
    expect(end.result?.metadata.narrative).toBe('model');
    expect((await client.me()).usage.tokens_this_month.used).toBe(end.result?.tokens_used);

    const stranger = await TestClient.register(stack.url);
    expect((await stranger.get(`/api/v1/llm/log-jobs/${job.id}`)).status).toBe(404);
    expect((await stranger.send('POST', `/api/v1/llm/log-jobs/${job.id}/cancel`)).status).toBe(404);
    expect(await (await stranger.get('/api/v1/llm/log-jobs')).json()).toMatchObject({ data: [] });
    expect(await (await client.get('/api/v1/llm/log-jobs')).json()).toMatchObject({
      data: [{ id: job.id, result: null }],
    });
    await expect(stack.query('SELECT id FROM log_upload')).resolves.toEqual([]);
  }, 60_000);

  it('is cancelled, and forgets its log', async () => {
    const client = await TestClient.register(stack.url);
    const job = await createJob(client, 'log-jobs', large.text);
    const cancelled = LogJob.parse(await (await client.send('POST', `/api/v1/llm/log-jobs/${job.id}/cancel`)).json());
    expect(cancelled.status).toBe('cancelled');
    await expect(stack.query('SELECT id FROM log_upload')).resolves.toEqual([]);
    await sleep(1_000);
    expect((await jobOf(client, job)).status).toBe('cancelled');
    expect(stack.local.calls()).toEqual([]);
  }, 30_000);

  it('goes on when the process that read it is killed, and counts no line twice', async () => {
    const client = await TestClient.register(stack.url);
    const job = await createJob(client, 'log-jobs?task=query&prompt=How%20many%20errors%3F', large.text);
    while ((await jobOf(client, job)).progress.parts < 1) await sleep(20);
    await stack.killAndRestart('log-analysis');
    const end = await ended(client, job);
    expect(end).toMatchObject({ status: 'completed', progress: { lines: end.progress.lines_total } });
    expect(end.result).toMatchObject({
      metadata: { lines: end.progress.lines_total },
      structured_data: { answer: { lines: end.progress.lines_total, matched: large.errors } },
    });
  }, 90_000);
});

it('without any router every route answers with what was found, soon', async () => {
  stack.processOf('llm-router').kill('SIGKILL');
  const client = await TestClient.register(stack.url);
  for (const [route, seconds] of [
    ['analyze', 15],
    ['query', 15],
    ['root-cause', 5],
  ] as const) {
    const startedAt = Date.now();
    const answer = await answerOf(await client.post(`/api/v1/llm/${route}`, { log_text: shop.text, prompt: 'Why?' }));
    expect(answer.metadata).toMatchObject({ narrative: 'unavailable', narrative_error: 'no_model_available' });
    expect(answer.structured_data).toMatchObject({ key_metrics: { lines: shop.lines } });
    expect(Date.now() - startedAt).toBeLessThan(seconds * 1_000);
  }
}, 60_000);
