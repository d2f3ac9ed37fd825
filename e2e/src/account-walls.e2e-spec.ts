import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { TestClient } from './client.js';
import { startStack, type Stack } from './stack.js';

/*
 * Every route of the OpenAPI document that has an id in its path, asked by everybody who must not see what the id stands
 * for. The answer to the id of another account is the answer to an id that does not exist, to the last byte.
 */

interface Asked {
  body?: unknown;
  query?: string;
  /** Those who run the platform reach every account here. */
  isOpenToAdmins?: true;
}

/** Each route with an id, and what it takes; or `shared` where the id is of no account, `admin` where only admins ask. */
const message = '/api/v1/chat/sessions/{session_id}/messages/{message_id}';
const routes: Record<string, Asked | 'shared' | 'admin'> = {
  'DELETE /api/v1/api-keys/{id}': {},
  'GET /api/v1/llm/batch/{id}': {},
  'POST /api/v1/llm/batch/{id}/cancel': {},
  'GET /api/v1/llm/log-jobs/{id}': {},
  'POST /api/v1/llm/log-jobs/{id}/cancel': {},
  'GET /api/v1/invoices/{id}': { isOpenToAdmins: true },
  'GET /api/v1/invoices/{id}/page': { isOpenToAdmins: true },
  'PATCH /api/v1/account/users/{id}': { body: { disabled: true }, isOpenToAdmins: true },
  'DELETE /api/v1/account/users/{id}': { isOpenToAdmins: true },
  'DELETE /api/v1/account/invites/{id}': { isOpenToAdmins: true },
  'PATCH /api/v1/webhooks/{id}': { body: { description: 'stolen' } },
  'DELETE /api/v1/webhooks/{id}': {},
  'POST /api/v1/webhooks/{id}/rotate-secret': {},
  'POST /api/v1/webhooks/{id}/test': {},
  'POST /api/v1/webhooks/deliveries/{id}/redeliver': {},
  'GET /api/v1/chat/dispatches/{dispatch_id}': {},
  'POST /api/v1/chat/dispatches/{dispatch_id}/send': {},
  'GET /api/v1/chat/schemas/{schema_id}': {},
  'DELETE /api/v1/chat/schemas/{schema_id}': {},
  'GET /api/v1/chat/sessions/{session_id}': {},
  'PATCH /api/v1/chat/sessions/{session_id}': { body: { title: 'stolen' } },
  'DELETE /api/v1/chat/sessions/{session_id}': {},
  'PUT /api/v1/chat/sessions/{session_id}/graph': { body: {} },
  'GET /api/v1/chat/sessions/{session_id}/export': {},
  'GET /api/v1/chat/sessions/{session_id}/messages': {},
  'POST /api/v1/chat/sessions/{session_id}/messages': { body: { user_message: 'x' } },
  'POST /api/v1/chat/sessions/{session_id}/regenerate': { body: {} },
  [`PATCH ${message}`]: { body: { pinned: true } },
  [`POST ${message}/edit`]: { body: { user_message: 'x' } },
  [`POST ${message}/fork`]: { body: {} },
  [`POST ${message}/stop`]: { body: {} },
  [`GET ${message}/stream`]: {},
  [`PUT ${message}/feedback`]: { body: { rating: 'up' } },
  'DELETE /llm/chat/{session_id}': {},
  'GET /llm/chat/{session_id}/history': {},
  'POST /llm/chat/{session_id}/message': { body: { user_message: 'x' } },
  ...Object.fromEntries(
    ['/api/v1', ''].flatMap((prefix) => [
      [`GET ${prefix}/refine/{request_id}`, {}],
      [`DELETE ${prefix}/refine/{request_id}`, {}],
      [`POST ${prefix}/refine/{request_id}`, { body: { user_feedback: 'shorter' } }],
      [`POST ${prefix}/refine/{request_id}/extend`, { query: '?ttl_seconds=60' }],
      [`POST ${prefix}/regenerate/{request_id}`, { body: { user_feedback: 'shorter' } }],
    ]),
  ),
  'GET /v1/models/{id}': 'shared',
  'PATCH /api/v1/admin/accounts/{id}': 'admin',
  'PATCH /api/v1/admin/users/{id}': 'admin',
  'DELETE /api/v1/admin/users/{id}': 'admin',
  'GET /api/v1/admin/reconciliations/{id}': 'admin',
};

/** What an `{id}` is of, by what stands before it; in the paths of admins it is of anything. */
const kinds = {
  'api-keys': 'key',
  'llm/batch': 'batch',
  'log-jobs': 'job',
  invoices: 'invoice',
  'account/users': 'member',
  'account/invites': 'invite',
  'webhooks/deliveries': 'delivery',
  'v1/webhooks': 'webhook',
} as const;
type Kind =
  (typeof kinds)[keyof typeof kinds] | 'dispatch_id' | 'schema_id' | 'session_id' | 'message_id' | 'request_id';

/** Asks for the scope `admin`, which the key of another account does not have, or for a login. */
const closedToItsKey = /\/(api-keys|invoices|account|webhooks)\//;

/** What a key with the scope `usage` alone may ask, beside what is open to everybody. */
const forUsageKeys = ['GET /api/v1/users/me', 'GET /api/v1/usage'];

const ADMIN = { email: 'admin@example.com', password: 'correct horse battery' };
const Operations = z.record(z.string(), z.object({ security: z.array(z.unknown()).optional() }));
const Document = z.object({ paths: z.record(z.string(), Operations) });

let stack: Stack;
let owner: TestClient;
let victim: Record<Kind, string>;
let strangers: Record<string, string>;
let documented: { route: string; isOpen: boolean }[];

beforeAll(async () => {
  stack = await startStack({ ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password });
  owner = await accountAdmin();
  const stranger = await accountAdmin();
  victim = await objectsOf(owner);
  const scopes = ['inference', 'usage'];
  const { key } = z.object({ key: z.string() }).parse(await made(stranger, '/api/v1/api-keys', { name: 'x', scopes }));
  const admin = z.object({ access_token: z.string() }).parse(await made(stranger, '/api/v1/auth/login', ADMIN));
  strangers = { 'another account': stranger.token, 'a key of another account': key, 'an admin': admin.access_token };
  const { paths } = Document.parse(await (await fetch(`${stack.url}/openapi.json`)).json());
  documented = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { security }]) => ({
      route: `${method.toUpperCase()} ${path}`,
      isOpen: !security?.length,
    })),
  );
}, 60_000);
afterAll(() => stack.stop(), 60_000);

/** Runs an account, so that a route is closed to nobody for the role. */
async function accountAdmin(): Promise<TestClient> {
  const client = await TestClient.register(stack.url);
  await stack.query("UPDATE app_user SET role = 'account_admin' WHERE email = $1", [client.email]);
  await client.login();
  return client;
}

async function made(client: TestClient, path: string, body: unknown): Promise<unknown> {
  const response = await client.post(path, body);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function objectsOf(client: TestClient): Promise<typeof victim> {
  const { id: user_id } = await client.me();
  const started = await made(client, '/llm/chat', { user_id, initial_message: 'Hello' });
  const { session_id } = z.object({ session_id: z.string() }).parse(started);
  const history = await (await client.get(`/llm/chat/${session_id}/history`)).json();
  const message_id = z.array(z.object({ message_id: z.string() })).parse(history)[1]?.message_id ?? '';
  const text = await made(client, '/process-text', { text: 'One. Two. Three.', task: 'summary' });
  const schema = await made(client, '/api/v1/chat/schemas', {
    name: 'edge',
    target: 'https://api.example.com/edges',
    schema: { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'], additionalProperties: false },
  });
  const generated = await made(client, '/api/v1/chat/generate', { schema: 'edge', prompt: 'x', dispatch: {} });
  const id = z.object({ id: z.string() });
  const idOf = async (path: string, body: unknown) => id.parse(await made(client, path, body)).id;
  const webhook = await idOf('/api/v1/webhooks', { url: 'https://hooks.example.com/' });
  const log = await client.post('/api/v1/llm/log-jobs?task=summarize', 'ERROR: no disk\n', {
    headers: { 'content-type': 'text/plain' },
  });
  return {
    session_id,
    message_id,
    webhook,
    ...z.object({ request_id: z.string() }).parse(text),
    ...z.object({ schema_id: z.string() }).parse(schema),
    ...z.object({ dispatch: z.object({ dispatch_id: z.string() }) }).parse(generated).dispatch,
    job: id.parse(await log.json()).id,
    invoice: await invoiceOf(client),
    key: await idOf('/api/v1/api-keys', { name: 'x' }),
    batch: await idOf('/api/v1/llm/batch', { prompts: ['x'] }),
    delivery: await idOf(`/api/v1/webhooks/${webhook}/test`, {}),
    member: await idOf('/api/v1/account/users', { email: 'member@example.com', password: ADMIN.password }),
    invite: await idOf('/api/v1/account/invites', { email: 'invited@example.com' }),
  };
}

/** Of a month that billing will never come to. */
async function invoiceOf(client: TestClient): Promise<string> {
  const { account_id } = await client.me();
  const id = randomUUID();
  await stack.query(
    `INSERT INTO invoice (id, account_id, month_start, month_end, bill_to, total_micro_usd, finalize_after)
     VALUES ($1, $2, '2020-01-01', '2020-02-01', 'Owner', 0, now() + interval '1 year')`,
    [id, account_id],
  );
  return id;
}

/** The path of a route with the ids of the victim's objects, or with ids of nothing. */
function pathOf(route: string, ids: Record<string, string>): string {
  const path = route.slice(route.indexOf(' ') + 1);
  const kind = Object.entries(kinds).find(([before]) => path.includes(`${before}/{id}`))?.[1] ?? 'anything';
  return path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name === 'id' ? kind : name] ?? 'no such parameter');
}

async function ask(route: string, token: string, ids: Record<string, string>) {
  const entry = routes[route];
  const { body, query = '' } = typeof entry === 'object' ? entry : {};
  const response = await fetch(`${stack.url}${pathOf(route, ids)}${query}`, {
    method: route.split(' ')[0],
    headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { status: response.status, text: await response.text(), type: response.headers.get('content-type') };
}

/** What differs from answer to answer in any case: the id of the request, and the id that was asked for. */
function anonymous({ status, text, type }: Awaited<ReturnType<typeof ask>>, ids: Record<string, string>) {
  const named = Object.values(ids).reduce((rest, id) => rest.replaceAll(id, 'ID'), text);
  return { status, type, text: named.replace(/"request_id":"[^"]+"/, '"request_id":""') };
}

const nothing = () => Object.fromEntries(Object.keys(victim).map((name) => [name, randomUUID()]));
const ofAccounts = () => Object.entries(routes).flatMap(([route, asked]) => (typeof asked === 'object' ? [route] : []));

function isOpenTo(who: string, route: string): boolean {
  const asked = routes[route];
  return who === 'an admin' && typeof asked === 'object' && asked.isOpenToAdmins === true;
}

describe('the wall between accounts', () => {
  it('is tested for every route of the document that has an id in its path', () => {
    const withIds = documented.map(({ route }) => route).filter((route) => route.includes('{'));
    expect(withIds.sort()).toEqual(Object.keys(routes).sort());
  });

  it.each(['another account', 'a key of another account', 'an admin'])(
    'answers %s about what exists as about what does not: 404 with the same body, on every route with an id',
    async (who) => {
      const token = strangers[who] ?? '';
      for (const route of ofAccounts().filter((each) => !isOpenTo(who, each))) {
        const missing = nothing();
        const [theirs, none] = [await ask(route, token, victim), await ask(route, token, missing)];
        const isClosed = who.startsWith('a key') && closedToItsKey.test(route);
        expect([route, none.status]).toEqual([route, isClosed ? 403 : 404]);
        expect({ route, ...anonymous(theirs, victim) }).toEqual({ route, ...anonymous(none, missing) });
      }
    },
    60_000,
  );

  it('has left everything of the owner as it was, and the ids were real: the owner reads them all', async () => {
    const statuses: unknown[] = [];
    for (const route of ofAccounts().filter((each) => each.startsWith('GET '))) {
      const { status, text } = await ask(route, owner.token, victim);
      expect([route, status]).toEqual([route, 200]);
      expect(text).not.toContain('stolen');
      statuses.push(status);
    }
    expect(statuses.length).toBeGreaterThan(8);
    expect((await ask('DELETE /api/v1/api-keys/{id}', owner.token, victim)).status).toBe(204);
  });

  it('shows nothing of another account in any list', async () => {
    const lists = documented.map(({ route }) => route).filter((route) => /^GET \/(api|llm|v1)/.test(route));
    const open = lists.filter((route) => !route.includes('{') && !route.includes('/admin/'));
    expect(open.length).toBeGreaterThan(8);
    for (const route of open) {
      const { text } = await ask(route, strangers['another account'] ?? '', victim);
      for (const id of Object.values(victim))
        expect({ route, leaks: text.includes(id) }).toEqual({ route, leaks: false });
    }
  });
});

describe('roles and scopes', () => {
  it('close every route of admins to everybody else, whether or not its id exists', async () => {
    const { account_id, id } = await owner.me();
    const admin = documented.map(({ route }) => route).filter((route) => route.includes('/admin/'));
    expect(admin.length).toBeGreaterThan(5);
    for (const route of admin) {
      for (const token of [owner.token, strangers['a key of another account'] ?? '']) {
        for (const anything of [account_id, id, randomUUID()]) {
          expect([route, (await ask(route, token, { ...victim, anything })).status]).toEqual([route, 403]);
        }
      }
    }
  });

  it('close to a key every route that its scope does not name', async () => {
    const body = { name: 'x', scopes: ['usage'] };
    const { key } = z.object({ key: z.string() }).parse(await made(owner, '/api/v1/api-keys', body));
    const refused = documented.filter(({ route, isOpen }) => !isOpen && !forUsageKeys.includes(route));
    expect(refused.length).toBeGreaterThan(40);
    for (const { route } of refused) expect([route, (await ask(route, key, victim)).status]).toEqual([route, 403]);
    for (const route of forUsageKeys) expect([route, (await ask(route, key, victim)).status]).toEqual([route, 200]);
  }, 30_000);
});
