import fc from 'fast-check';
import { TestClient } from './client.js';
import { describedRoutes, type DescribedRoute } from './described-api.js';
import { garbage, nearlyValid, valid, type JsonSchema } from './schema-arbitrary.js';
import { startStack, type Stack } from './stack.js';

/** `pnpm drill:api` sends 10,000; the seed is in the name of the test, and API_DRILL_SEED repeats one. */
const REQUESTS = Number(process.env['API_DRILL_REQUESTS'] ?? 1_200);
const seed = Number(process.env['API_DRILL_SEED'] ?? 20_261_121);
const CONCURRENCY = 12;
const ANSWER_WITHIN_MS = 60_000;
const TEST_WITHIN_MS = REQUESTS * 250 + 60_000;

interface Sent {
  route: DescribedRoute;
  /** Of values in the path, query and body. */
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

let stack: Stack;
let token: string;
let ids: Record<string, string>;

beforeAll(async () => {
  stack = await startStack();
  const client = await TestClient.register(stack.url);
  await stack.query('UPDATE plan SET tokens_per_month = 1000000000, tokens_hard_cap = 1000000000');
  await stack.query("UPDATE app_user SET role = 'admin' WHERE email = $1", [client.email]);
  await client.login();
  token = client.accessToken;
  ids = await existingIds(client);
}, 60_000);
afterAll(() => stack.stop(), 60_000);

it(
  `${REQUESTS} requests made from the document get answers that it describes (seed ${seed})`,
  async () => {
    const routes = (await describedRoutes(stack.url)).filter(({ id }) => !id.startsWith('authLogout'));
    const each = Math.ceil(REQUESTS / routes.length);
    const requests = routes.flatMap((route, index) =>
      fc.sample(requestOf(route), { numRuns: each, seed: seed + index }),
    );
    const queue = shuffled(requests);
    const problems: string[] = [];
    const work = async () => {
      for (let sent = queue.pop(); sent; sent = queue.pop()) {
        const problem = await problemOf(sent);
        if (problem)
          problems.push(
            `${sent.route.method} ${sent.path.slice(0, 300)} ${sent.body?.slice(0, 600) ?? ''}\n  ${problem}`,
          );
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    expect(problems.slice(0, 20)).toEqual([]);
    expect((await fetch(`${stack.url}/ready`)).status).toBe(200);
  },
  TEST_WITHIN_MS,
);

async function problemOf({ route, path, headers, body }: Sent): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const response = await fetch(stack.url + path, { method: route.method, headers, body, signal });
    const text = await response.text();
    // A busy machine may answer its probe late, which is 503 and described.
    if (response.status >= 500 && route.id !== 'statusReady') return `${response.status} ${text.slice(0, 500)}`;
    return route.problemOf(response.status, response.headers.get('content-type') ?? '', text);
  } catch (error) {
    return `no answer: ${String(error)}`;
  }
}

function requestOf(route: DescribedRoute): fc.Arbitrary<Sent> {
  const shapes = [valid, valid, nearlyValid, () => garbage];
  const value = (schema: JsonSchema) => fc.oneof(...shapes.map((shape) => shape(schema)));
  const inPath = route.parameters.filter((parameter) => parameter.in === 'path');
  const inQuery = route.parameters.filter((parameter) => parameter.in === 'query');
  return fc
    .record({
      path: fc.tuple(...inPath.map(({ name }) => idOf(name))),
      query: fc.tuple(...inQuery.map(({ schema }) => fc.option(value(schema), { freq: 2 }))),
      body: route.body ? value(route.body) : fc.constant(undefined),
      isRaw: fc.integer({ min: 0, max: 30 }),
      unknown: fc.integer({ min: 0, max: 30 }),
      accept: fc.constantFrom('application/json', '*/*', 'text/event-stream', 'text/csv', 'nonsense'),
    })
    .map(({ path, query, body, isRaw, unknown, accept }) => {
      const pathname = inPath.reduce(
        (all, { name }, index) => all.replace(`{${name}}`, encodeId(path[index])),
        route.path,
      );
      const parameters = new URLSearchParams();
      for (const [index, { name }] of inQuery.entries()) {
        for (const each of [query[index]].flat())
          if (each !== null && each !== undefined) parameters.append(name, textOf(each));
      }
      if (unknown === 0) parameters.append('no_such_parameter', '1');
      const hasBody = body !== undefined && route.method !== 'GET';
      return {
        route,
        path: pathname + (parameters.size > 0 ? `?${parameters.toString()}` : ''),
        headers: {
          accept,
          ...(isRaw !== 1 && { authorization: `Bearer ${token}` }),
          ...(hasBody && { 'content-type': isRaw === 2 ? 'text/plain' : 'application/json' }),
        },
        body: hasBody ? (isRaw === 3 ? '{"text":' : JSON.stringify(body)) : undefined,
      };
    });
}

/** Mostly ids that exist. */
function idOf(name: string): fc.Arbitrary<string> {
  const known = Object.values(ids);
  const own = ids[name] ?? ids['request_id'] ?? '';
  const odd = fc.constantFrom(
    'x',
    '0',
    ' ',
    '%',
    '..',
    '\0',
    'é',
    '__proto__',
    'a'.repeat(99),
    '00000000-0000-0000-0000-000000000000',
  );
  return fc.oneof({ weight: 5, arbitrary: fc.constant(own) }, fc.constantFrom(...known), fc.uuid(), odd);
}

function encodeId(id = ''): string {
  return id === '..' ? '%2E%2E' : encodeURIComponent(id);
}

function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.slice(0, 1_000);
}

/** In an order that is the same each time. */
function shuffled<T>(items: T[]): T[] {
  return fc.sample(fc.shuffledSubarray(items, { minLength: items.length }), { numRuns: 1, seed })[0] ?? items;
}

async function existingIds(client: TestClient): Promise<Record<string, string>> {
  const answer = async (path: string, body: object) =>
    Object((await (await client.post(path, body)).json()) as unknown);
  const text = await answer('/process-text', { text: 'One. Two.', task: 'summary' });
  const chat = await answer('/llm/chat', { initial_message: 'Hello' });
  const schema = await answer('/api/v1/chat/schemas', { name: 'Thing', schema: { type: 'object' } });
  const batch = await answer('/api/v1/llm/batch', { prompts: ['One?'] });
  return {
    request_id: text.request_id,
    session_id: chat.session_id,
    message_id: chat.answer.message_id,
    schema_id: schema.schema_id,
    id: batch.id,
  };
}
