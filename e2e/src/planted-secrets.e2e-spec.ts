import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  eventually,
  freePort,
  repositoryDir,
  startApp,
  startRedis,
  WebSocketClient,
  type AppProcess,
  type RunningServer,
} from '@tollgate/testing';
import { Redis } from 'ioredis';
import { readEvents, TestClient } from './client.js';
import { describedRoutes, type DescribedRoute } from './described-api.js';
import { Planted, plantedEverywhere, plantedExample } from './planted.js';
import { startStack, type Stack } from './stack.js';

/*
 * Everything that a client or an operator hands over in confidence is planted once, sent to every route in every way, and
 * looked for in all that comes out of the six processes. What a caller wrote may come back in an answer, never in an error.
 */

const planted = new Planted();
const admin = { email: 'admin@example.com', password: planted.adminPassword };

let redisServer: RunningServer;
let redis: Redis;
let stack: Stack;
let client: TestClient;
let routes: DescribedRoute[];
/** Errors, and the headers of every answer. */
let heard = '';

beforeAll(async () => {
  // Its own: it is made to fail.
  redisServer = await startRedis();
  redis = new Redis(redisServer.url);
  stack = await startStack({
    REDIS_URL: redisServer.url,
    LOG_LEVEL: 'debug',
    MAVERICK_API_KEY: planted.providerKey,
    ADMIN_EMAIL: admin.email,
    ADMIN_PASSWORD: admin.password,
  });
  client = await TestClient.register(stack.url, planted.password);
  await stack.query("UPDATE app_user SET role = 'admin' WHERE email = $1", [client.email]);
  await client.login();
  planted.hear(JSON.stringify({ access_token: client.token }));
  routes = await describedRoutes(stack.url);
}, 90_000);
afterAll(async () => {
  await stack.stop();
  redis.disconnect();
  await redisServer.stop();
}, 60_000);

it('is handed over on every route: as its example, in every text, in broken JSON, in headers and parameters', async () => {
  const statuses = new Map<string, number>();
  for (const route of routes.filter(({ id }) => !id.startsWith('authLogout'))) {
    const example = plantedExample(route, planted);
    statuses.set(route.id, (await send(route, example)).status);
    // A model that is not there is named to whoever asked for it.
    const query = route.parameters.filter((parameter) => parameter.in === 'query' && parameter.name !== 'model');
    const ways = [
      send(route, example, { query }),
      send(route, example, { token: planted.stray }),
      send(route, example, { token: `tg_live_${planted.stray}` }),
    ];
    const bodies = [plantedEverywhere(route, planted), `{"password":"${planted.password}", "text": ${planted.prompt}`];
    if (route.body) ways.push(...bodies.map((body) => send(route, body)));
    await Promise.all(ways);
  }
  for (const body of [admin, { ...admin, password: planted.password }, { ...admin, email: client.email }]) {
    await ask('/api/v1/auth/login', { method: 'POST', body: JSON.stringify(body), headers: json });
  }
  const { refresh_token } = Object((await login()) as unknown);
  for (const _ of [1, 2]) {
    const body = JSON.stringify({ refresh_token });
    await ask('/api/v1/auth/refresh', { method: 'POST', body, headers: json });
  }
  await sendFrames();

  const served = ['textProcessingProcess', 'chatAnswer', 'openAiComplete', 'modelServiceGenerate', 'batchesCreate'];
  const failed = [...statuses].filter(([id, status]) => served.includes(id) && status >= 300);
  expect(failed).toEqual([]);
  expect([...statuses.values()].filter((status) => status < 300).length).toBeGreaterThan(40);
  expect(planted.kinds()).toEqual(['access_token', 'key', 'refresh_token', 'secret', 'ticket', 'token']);
  expect(stack.local.calls().length).toBeGreaterThan(10);
}, 120_000);

it('is handed over to what fails: providers that repeat it, a database and a Redis that refuse it', async () => {
  const repeating = { error: { message: `Wrong key ${planted.providerKey} for "${planted.prompt}"` } };
  stack.local.setFault({ kind: 'status', status: 500, body: repeating });
  stack.cloud.setFault({ kind: 'status', status: 401, body: repeating });
  await prompts(500);
  stack.local.reset();
  stack.cloud.reset();

  await stack.query(`ALTER TABLE chat_message ADD CONSTRAINT refusing CHECK (content NOT LIKE '%planted%') NOT VALID`);
  await post('/api/v1/chat/sessions', { initial_message: planted.prompt }, 500);
  await stack.query('ALTER TABLE chat_message DROP CONSTRAINT refusing');

  await redis.config('SET', 'maxmemory', '1');
  await prompts(500);
  await redis.config('SET', 'maxmemory', '0');

  // Redis refuses what text-processing keeps, when the answer has been made.
  stack.local.setPace({ tokensPerSecond: 20 });
  const body = { text: planted.prompt, task: 'rephrase', stream: true };
  const stream = await client.post('/process-text', body);
  await readEvents(stream, ({ type }) => void (type === 'start' && redis.config('SET', 'maxmemory', '1')));
  await redis.config('SET', 'maxmemory', '0');
  stack.local.reset();
  await prompts(200);
}, 60_000);

it('is in no line of any process, no log file, metric, health, error, header, audit row or name of a key', async () => {
  const places: [place: string, text: string][] = [['errors and headers', heard]];
  for (const { app, url, output } of stack.told()) {
    expect(output).toContain(`"app":"${app}"`);
    places.push([`the output of ${app}`, output]);
    for (const path of ['/metrics', '/health', '/ready']) {
      const response = await fetch(url + path, { headers: { accept: 'text/plain' } });
      places.push([`${path} of ${app}`, await response.text()]);
    }
  }
  for (const [name, text] of await logFiles(stack.logDir)) places.push([name, text]);
  const audit = await stack.query<{ row: string }>('SELECT a::text AS row FROM audit_entry a');
  expect(audit.length).toBeGreaterThan(5);
  places.push(['the audit log', audit.map(({ row }) => row).join('\n')]);
  places.push(['names of keys in Redis', (await redis.keys('*')).join('\n')]);
  expect(places.length).toBeGreaterThan(24);
  expect(places.flatMap(([place, text]) => planted.foundIn(place, text))).toEqual([]);
});

it('is in llm_debug.log alone when prompts are switched on, and then nothing but prompts', async () => {
  const gone = stack.processOf('text-processing');
  gone.kill('SIGTERM');
  await eventually(
    () => gone.exitCode ?? gone.signalCode,
    (ended) => ended !== null,
  );
  const logDir = join(stack.logDir, 'with-prompts');
  const port = String(await freePort());
  const replica: AppProcess = await startApp('text-processing', {
    ...stack.environment,
    PORT: port,
    LLM_LOG_PROMPTS: 'true',
    LLM_LOG_DIR: logDir,
  });
  await post('/process-text', { text: `Keep ${planted.prompt}`, task: 'rephrase' }, 200);
  await replica.stop(); // All lines are in the files then.
  const files = await logFiles(logDir);
  expect(files.map(([name]) => name).sort()).toEqual(['llm_debug.log', 'llm_metrics.log', 'llm_requests.log']);
  for (const [name, text] of files) {
    const isDebug = name === 'llm_debug.log';
    expect(planted.foundIn(name, text, { withPrompts: !isDebug })).toEqual([]);
    expect(text.includes(planted.prompt)).toBe(isDebug);
  }
  expect(planted.foundIn('its output', replica.output())).toEqual([]);
}, 40_000);

it('is not printed by a process that ends by a defect, rejections that nobody hears included', async () => {
  const observability = join(repositoryDir, 'libs/observability/dist/index.js');
  for (const fail of ['throw error', 'void Promise.reject(error)']) {
    const code = `
      import { createLogger, Logger, stopOnSignals } from ${JSON.stringify(observability)};
      stopOnSignals({ get: () => new Logger(createLogger('dying', 'info')) });
      const error = Object.assign(new Error('it broke'), { command: { args: [process.env.SECRET] } });
      setTimeout(() => { ${fail}; });`;
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code], {
      env: { SECRET: planted.prompt },
    });
    const { code: exitCode, stdout, stderr } = Object(await run.catch((error: unknown) => error));
    expect([exitCode, stderr]).toEqual([1, '']);
    expect(stdout).toContain('it broke');
    expect(planted.foundIn('its output', stdout)).toEqual([]);
  }
});

const json = { 'content-type': 'application/json' };

interface Way {
  token?: string;
  /** Gets a planted text in each of these. */
  query?: { name: string }[];
}

async function send(route: DescribedRoute, body: string | undefined, { token = client.token, query = [] }: Way = {}) {
  const { stray } = planted;
  const path = route.path.replace(/\{\w+\}/g, '00000000-0000-7000-8000-000000000000');
  const parameters = new URLSearchParams(Object.fromEntries(query.map(({ name }) => [name, stray])));
  return ask(path + (query.length > 0 ? `?${parameters.toString()}` : ''), {
    method: route.method,
    headers: {
      authorization: `Bearer ${token}`,
      'x-api-key': stray,
      'x-forwarded-for': stray,
      traceparent: stray,
      'user-agent': stray,
      referer: `https://example.com/?token=${stray}`,
      cookie: `tollgate_refresh=${stray}; other=${stray}`,
      ...(route.method === 'POST' && { 'idempotency-key': `${stray}-${randomUUID()}` }),
      ...(body !== undefined && { 'content-type': route.body ? 'application/json' : route.textTypes[0] }),
    },
    body: route.method === 'GET' ? undefined : body,
  });
}

/** Keeps what must have no secret in it: the headers, and the body of an error. */
async function ask(path: string, init: RequestInit): Promise<{ status: number; body: string }> {
  const response = await fetch(stack.url + path, init);
  const body = await response.text();
  // The cookie is how a refresh token is handed out.
  const headers = [...response.headers].filter(([name]) => name !== 'set-cookie');
  heard += `${init.method} ${path.split('?')[0]}: ${JSON.stringify(headers)}\n`;
  if (response.status >= 400) heard += `${body}\n`;
  else planted.hear(body);
  for (const line of body.split('\n')) if (line.startsWith('data: {"error"')) heard += `${line}\n`;
  return { status: response.status, body };
}

async function post(path: string, body: object, status: number): Promise<void> {
  const headers = { ...json, authorization: `Bearer ${client.token}` };
  const answer = await ask(path, { method: 'POST', body: JSON.stringify(body), headers });
  expect([path, answer.status >= status && answer.status < status + 100, answer.body]).toEqual([
    path,
    true,
    answer.body,
  ]);
}

/** One to each service that makes a prompt. */
async function prompts(status: number): Promise<void> {
  const text = `Hello ${planted.prompt}`;
  await post('/api/v1/process-text', { text, task: 'rephrase' }, status);
  await post('/api/v1/llm/chat', { message: text }, status);
  await post('/api/v1/generate', { prompt: text, use_cache: false }, status);
  await post('/v1/chat/completions', { model: 'gemma3:4b', messages: [{ role: 'user', content: text }] }, status);
}

async function login(): Promise<unknown> {
  const body = JSON.stringify({ email: client.email, password: planted.password });
  return JSON.parse((await ask('/api/v1/auth/login', { method: 'POST', body, headers: json })).body);
}

/** A conversation over a WebSocket, and frames that are none. */
async function sendFrames(): Promise<void> {
  const socket = await WebSocketClient.connect(`${stack.url}/ws/chat`, {
    headers: { authorization: `Bearer ${client.token}`, 'user-agent': planted.stray },
  });
  socket.send({ type: 'message', ref: '1', message: planted.prompt });
  expect(await socket.last('1')).toMatchObject({ type: 'end' });
  socket.send({ type: planted.prompt, ref: '2' });
  socket.send(`{"type":"message","message":${planted.prompt}`);
  socket.send({ type: 'authenticate', ref: '3', ticket: planted.stray });
  heard += JSON.stringify([await socket.last('2'), await socket.last('3')]);
  await socket.close();
}

async function logFiles(directory: string): Promise<[name: string, text: string][]> {
  const names = (await readdir(directory)).filter((name) => name.includes('.log'));
  return Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), 'utf8')]));
}
