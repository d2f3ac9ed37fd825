import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { AnalysisResponse, LogJob } from '@tollgate/contracts';
import { eventually, freePort, startApp, startRedis, type AppProcess, type RunningServer } from '@tollgate/testing';
import { TestClient } from './client.js';
import { startStack, type Stack } from './stack.js';

/** The full size is `LOG_DRILL=full`: jobs of 600,000 lines and an upload of 63 MiB. */
const isFull = process.env['LOG_DRILL'] === 'full';
const LINES = isFull ? 600_000 : 60_000;
/** Enough that its parts are not all read when the first of them is. */
const LINES_OF_KILLED = isFull ? 600_000 : 240_000;
const UPLOAD_BYTES = (isFull ? 63 : 12) * 1_048_576;
const DRILL_TIMEOUT_MS = isFull ? 300_000 : 90_000;
const REPLICAS = 3;

/** Requests of orders, with a payment that fails for each hundredth and a stack trace below it. */
function shopLog(lines: number, seed: number): string {
  const out: string[] = [];
  for (let index = seed; out.length < lines; index += 1) {
    const time = new Date(Date.UTC(2026, 0, 15, 10) + index * 50).toISOString();
    out.push(`${time} INFO web: request req-${10_000 + index} GET /items/${index % 977} took ${(index * 7) % 90} ms`);
    if (index % 100 > 0) continue;
    out.push(`${time} ERROR payment: request req-${10_000 + index} failed: card ${index % 13} was refused`);
    out.push('java.lang.IllegalStateException: refused', '\tat shop.Card.charge(Card.java:12)');
  }
  return `${out.join('\n')}\n`;
}

const linesOf = (log: string) => log.split('\n').length - (log.endsWith('\n') ? 1 : 0);

let redis: RunningServer;
let stack: Stack;
let replicas: { process: AppProcess; url: string }[];

beforeAll(async () => {
  redis = await startRedis();
  stack = await startStack({ REDIS_URL: redis.url, LOG_PART_BYTES: String(1_048_576) }, ['llm-router']);
  replicas = await Promise.all(
    Array.from({ length: REPLICAS }, async () => {
      const port = String(await freePort());
      const process = await startApp('log-analysis', { ...stack.environment, PORT: port });
      return { process, url: `http://127.0.0.1:${port}` };
    }),
  );
}, 90_000);
afterAll(async () => {
  await Promise.all(replicas.map(({ process }) => process.stop()));
  await stack.stop();
  await redis.stop();
}, 60_000);

async function post(client: TestClient, path: string, body: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${client.token}`, 'content-type': 'text/plain' };
  const response = await fetch(`${stack.url}/api/v1/llm/${path}`, { method: 'POST', headers, body });
  const answer: unknown = await response.json();
  expect(response.ok ? 'ok' : answer).toBe('ok');
  return answer;
}

const createJob = async (client: TestClient, log: string) =>
  LogJob.parse(await post(client, 'log-jobs?task=detect-errors', log));

const jobOf = async (client: TestClient, { id }: LogJob) =>
  LogJob.parse(await (await client.get(`/api/v1/llm/log-jobs/${id}`)).json());

/** As Postgres has it: the gateway may be without Redis. */
async function partsDone({ id }: LogJob): Promise<number> {
  const rows = await stack.query('SELECT 1 FROM log_job_part WHERE job_id = $1 AND snapshot IS NOT NULL', [id]);
  return rows.length;
}

const hasEnded = async ({ id }: LogJob) =>
  (await stack.query('SELECT 1 FROM log_job WHERE id = $1 AND finished_at IS NOT NULL', [id])).length === 1;

async function ended(client: TestClient, job: LogJob): Promise<LogJob> {
  await eventually(() => hasEnded(job), Boolean, DRILL_TIMEOUT_MS);
  return eventually(
    () => jobOf(client, job).catch(() => job),
    (seen) => seen.finished_at !== null,
    20_000,
  );
}

/** What one process finds that reads the log from its first line to its last. */
async function onePass(log: string): Promise<AnalysisResponse> {
  const client = await TestClient.register(stack.url);
  return AnalysisResponse.parse(await post(client, 'detect-errors', log));
}

/** What was found, without what a model made of it. */
const findingsOf = (answer: AnalysisResponse | null) => ({
  findings: answer?.structured_data,
  lines: answer?.metadata.lines,
  events: answer?.metadata.events,
  evidence: answer?.metadata.evidence,
});

async function partsRead(): Promise<number[]> {
  return Promise.all(
    replicas.map(async ({ url }) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(/^tollgate_log_job_parts_total(?:\{.*\})? (\d+)$/m.exec(text)?.[1] ?? 0);
    }),
  );
}

/** What was booked for the account of `client`. */
const attemptsOf = (client: TestClient) =>
  stack.query<{ input: number; output: number; task: string }>(
    `SELECT tokens_input AS input, tokens_output AS output, task FROM usage_attempt AS attempt
     JOIN app_user USING (account_id) WHERE email = $1`,
    [client.email],
  );

it(
  'a job that several replicas share is read by all of them, each part once, ends as one pass ends, and its narrative is charged to who sent it',
  async () => {
    const log = shopLog(LINES, 0);
    const expected = await onePass(log);
    stack.local.reset();
    const client = await TestClient.register(stack.url);
    const end = await ended(client, await createJob(client, log));

    expect(end).toMatchObject({ status: 'completed', progress: { lines: linesOf(log) } });
    expect(findingsOf(end.result)).toEqual(findingsOf(expected));
    const read = await partsRead();
    expect(read.reduce((sum, count) => sum + count, 0)).toBe(end.progress.parts_total);
    expect(read.filter((count) => count > 0).length).toBeGreaterThan(1);

    const calls = stack.local.calls();
    expect(calls).toHaveLength(1);
    const booked = calls.map(({ promptTokens, completionTokens }) => ({
      input: promptTokens,
      output: completionTokens,
      task: 'log-detect-errors',
    }));
    await eventually(
      () => attemptsOf(client),
      (rows) => rows.length === 1,
    );
    expect(await attemptsOf(client)).toEqual(booked);
    expect(end.result?.tokens_used).toBe((booked[0]?.input ?? 0) + (booked[0]?.output ?? 0));
  },
  DRILL_TIMEOUT_MS,
);

it(
  `an upload of ${UPLOAD_BYTES / 1_048_576} MiB passes through the gateway and its reader in bounded memory`,
  async () => {
    const log = shopLog(UPLOAD_BYTES / 78, 0).slice(0, UPLOAD_BYTES);
    const client = await TestClient.register(stack.url);
    const measured = [stack.processOf('gateway'), ...replicas.map(({ process }) => process.child)];
    const before = await Promise.all(measured.map(({ pid }) => residentMegabytes(pid)));
    const highest = [...before];
    const answer = post(client, 'detect-errors', log);
    for (let isDone = false; !isDone;) {
      isDone = await Promise.race([answer.then(() => true), sleep(100, false)]);
      const now = await Promise.all(measured.map(({ pid }) => residentMegabytes(pid)));
      now.forEach((megabytes, index) => (highest[index] = Math.max(highest[index] ?? 0, megabytes)));
    }
    expect(AnalysisResponse.parse(await answer).metadata.lines).toBe(linesOf(log));
    const [gateway = 0, ...readers] = highest.map((megabytes, index) => megabytes - (before[index] ?? 0));
    expect(gateway).toBeLessThan(200);
    expect(Math.max(...readers)).toBeLessThan(500);
  },
  DRILL_TIMEOUT_MS,
);

it(
  'a job whose Redis is killed in the middle of it, and comes back empty, ends with every line counted once',
  async () => {
    const log = shopLog(LINES_OF_KILLED, 1_000_000);
    const expected = await onePass(log);
    const client = await TestClient.register(stack.url);
    const job = await createJob(client, log);
    await eventually(
      () => partsDone(job),
      (parts) => parts >= 1,
      30_000,
    );
    await redis.stop();
    expect(await hasEnded(job)).toBe(false);
    redis = await startRedis({ port: redis.port });
    const end = await ended(client, job);
    expect(end).toMatchObject({ status: 'completed', progress: { lines: linesOf(log) } });
    expect(findingsOf(end.result)).toEqual(findingsOf(expected));
  },
  DRILL_TIMEOUT_MS,
);

async function residentMegabytes(pid: number | undefined): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)]);
  return Math.round(Number(stdout) / 1_024);
}
