import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createChatSchema,
  generateJson,
  getDispatch,
  listDispatches,
  sendDispatch,
  type ChatDispatch,
} from '@tollgate/contracts';
import { verifyWebhook } from '@tollgate/outbound';
import { eventually, failureOf } from '@tollgate/testing';
import { Chatter, startChatService, type ChatUnderTest } from './chat-under-test.js';

const schema = {
  type: 'object',
  properties: { name: { type: 'string', enum: ['Reader'] } },
  required: ['name'],
  additionalProperties: false,
};

interface Arrival {
  headers: IncomingHttpHeaders;
  body: string;
}

let chat: ChatUnderTest;
let api: Server;
let port: number;
/** What the API answers next; then 201. */
let answers: number[] = [];
let arrivals: Arrival[] = [];

beforeAll(async () => {
  api = createServer((incoming, response) => {
    let body = '';
    incoming.on('data', (chunk: Buffer) => (body += chunk.toString()));
    incoming.on('end', () => {
      arrivals.push({ headers: incoming.headers, body });
      response.writeHead(answers.shift() ?? 201).end();
    });
  });
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  const address: AddressInfo | string | null = api.address();
  if (address === null || typeof address === 'string') throw new Error('the API has no port');
  ({ port } = address);
  chat = await startChatService({
    CHAT_DISPATCH_HOSTS: `127.0.0.1:${port},metadata.example`,
    CHAT_DISPATCH_ALLOW_PRIVATE: 'true',
    CHAT_DISPATCH_ATTEMPTS_MAX: '3',
    CHAT_DISPATCH_BACKOFF_MS: '20',
    CHAT_DISPATCH_TIMEOUT_MS: '1000',
  });
}, 60_000);
afterEach(() => {
  chat.simulator.reset();
  answers = [];
  arrivals = [];
});
afterAll(async () => {
  await chat.stop();
  api.closeAllConnections();
  api.close();
}, 30_000);

const register = (user: Chatter, target: string) =>
  user.ask((messages) => messages.send(createChatSchema, { name: 'Block', description: 'A block', schema, target }));
const generate = (user: Chatter, dry_run: boolean, session_id?: string) =>
  user.ask((messages) =>
    messages.send(generateJson, { schema: 'Block', prompt: 'A reader', session_id, dispatch: { dry_run } }),
  );
const idOf = ({ dispatch }: { dispatch: ChatDispatch | null }) => ({ dispatch_id: dispatch?.dispatch_id ?? '' });
const get = (user: Chatter, address: { dispatch_id: string }) =>
  user.ask((messages) => messages.send(getDispatch, address));
const settled = (user: Chatter, address: { dispatch_id: string }) =>
  eventually(
    () => get(user, address),
    ({ state }) => state !== 'pending',
    10_000,
  );
const auditOf = async ({ dispatch_id: id }: { dispatch_id: string }) =>
  (await chat.database.auditEntry.findMany({ where: { subject: `chat_dispatch:${id}` }, orderBy: { id: 'asc' } })).map(
    ({ action }) => action,
  );

describe('a generated object', () => {
  it('is only kept as a dry run until its user sends it, signed and once', async () => {
    const user = await Chatter.arrive(chat);
    const { signing_secret: secret = '' } = await register(user, `http://127.0.0.1:${port}/blocks`);
    const generated = await generate(user, true);
    const address = idOf(generated);
    expect(generated.dispatch).toMatchObject({ state: 'dry_run', data: { name: 'Reader' }, attempts: 0 });
    expect(arrivals).toEqual([]);
    const [first] = await Promise.all(
      [1, 2, 3].map(() => user.ask((messages) => messages.send(sendDispatch, address))),
    );
    expect(first).toMatchObject(address);
    expect(await settled(user, address)).toMatchObject({ state: 'delivered', attempts: 1, last_status: 201 });
    await user.ask((messages) => messages.send(sendDispatch, address));
    expect(arrivals.map(({ body }): unknown => JSON.parse(body))).toEqual([{ name: 'Reader' }]);
    const [{ headers, body } = { headers: {}, body: '' }] = arrivals;
    expect(headers).toMatchObject({ 'idempotency-key': address.dispatch_id, 'content-type': 'application/json' });
    const signed = {
      'webhook-id': String(headers['webhook-id']),
      'webhook-timestamp': String(headers['webhook-timestamp']),
      'webhook-signature': String(headers['webhook-signature']),
    };
    expect(verifyWebhook(secret, signed, body)).toBe(true);
    expect(verifyWebhook(secret, signed, `${body} `)).toBe(false);
    expect(await auditOf(address)).toEqual(['chat_dispatch.create', 'chat_dispatch.send', 'chat_dispatch.deliver']);
    const subject = `chat_dispatch:${address.dispatch_id}`;
    await expect(chat.database.$executeRaw`DELETE FROM audit_entry WHERE subject = ${subject}`).rejects.toThrow(
      'append-only',
    );
  });

  it('is sent again with the same idempotency key after failures that may pass, and no more often than allowed', async () => {
    const user = await Chatter.arrive(chat);
    await register(user, `POST http://127.0.0.1:${port}/blocks`);
    answers = [503, 429, 200];
    const passed = idOf(await generate(user, false));
    expect(await settled(user, passed)).toMatchObject({ state: 'delivered', attempts: 3, last_status: 200 });
    expect(new Set(arrivals.map(({ headers }) => headers['idempotency-key']))).toEqual(new Set([passed.dispatch_id]));
    expect(arrivals).toHaveLength(3);
    answers = [500, 500, 500, 500];
    const failed = idOf(await generate(user, false));
    expect(await settled(user, failed)).toMatchObject({ state: 'failed', attempts: 3, last_status: 500 });
    answers = [422];
    const refused = idOf(await generate(user, false));
    expect(await settled(user, refused)).toMatchObject({ state: 'failed', attempts: 1, last_status: 422 });
    expect(await auditOf(refused)).toEqual(['chat_dispatch.create', 'chat_dispatch.fail']);
    const listed = await user.ask((messages) => messages.send(listDispatches, { limit: 2, state: 'failed' }));
    expect(listed.data.map(({ dispatch_id: id }) => id)).toEqual([refused.dispatch_id, failed.dispatch_id]);
  });

  it.each([
    ['a host that is not on the list', 'https://api.example.com/blocks'],
    ['a port that is not on the list', 'http://127.0.0.1:22/'],
    ['a metadata service', 'http://169.254.169.254/latest/meta-data'],
    ['a user name in the URL', 'http://me:secret@metadata.example/'],
  ])('is not sent to %s, and no model is asked for it', async (_what, target) => {
    const user = await Chatter.arrive(chat);
    await register(user, target);
    const before = chat.simulator.calls().length;
    expect(await failureOf(generate(user, false))).toMatchObject({ code: 'invalid_request', param: 'dispatch' });
    expect(chat.simulator.calls()).toHaveLength(before);
    const dry = await generate(user, true);
    expect(dry.dispatch).toMatchObject({ state: 'dry_run', last_error: expect.any(String) });
    const sent = user.ask((messages) => messages.send(sendDispatch, idOf(dry)));
    expect(await failureOf(sent)).toMatchObject({ code: 'invalid_request' });
  });

  it('can only be sent where its schema is registered with a URL', async () => {
    const user = await Chatter.arrive(chat);
    expect(await register(user, 'POST /blocks')).not.toHaveProperty('signing_secret');
    expect(await failureOf(generate(user, true))).toMatchObject({ code: 'invalid_request', param: 'dispatch' });
    const inline = user.ask((messages) =>
      messages.send(generateJson, { schema, prompt: 'x', dispatch: { dry_run: true } }),
    );
    expect(await failureOf(inline)).toMatchObject({ code: 'invalid_request', param: 'dispatch' });
  });

  it('goes with the session that it was made from, and is nobody else’s', async () => {
    const [user, other] = [await Chatter.arrive(chat), await Chatter.arrive(chat)];
    await register(user, `http://127.0.0.1:${port}/blocks`);
    const session = await user.start('Hello');
    const address = idOf(await generate(user, true, session));
    const missing = await failureOf(get(other, { dispatch_id: crypto.randomUUID() }));
    for (const refused of [
      failureOf(get(other, address)),
      failureOf(other.ask((messages) => messages.send(sendDispatch, address))),
    ]) {
      expect(await refused).toMatchObject({ code: 'not_found', message: missing.message });
    }
    await chat.database.chatSession.delete({ where: { id: session } });
    expect(await failureOf(get(user, address))).toMatchObject({ code: 'not_found' });
    expect(await auditOf(address)).toEqual(['chat_dispatch.create']);
  });
});
