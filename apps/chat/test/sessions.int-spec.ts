import {
  deleteSession,
  forkSession,
  listMessages,
  listSessions,
  searchMessages,
  sendMessage,
  updateSession,
} from '@tollgate/contracts';
import { eventually, failureOf } from '@tollgate/testing';
import { Retention } from '../src/sessions/retention.service.js';
import { Chatter, startChatService, type ChatUnderTest } from './chat-under-test.js';

let chat: ChatUnderTest;

beforeAll(async () => {
  chat = await startChatService({ CHAT_RETENTION_DAYS: '30' });
}, 60_000);
afterEach(() => chat.simulator.reset());
afterAll(() => chat.stop(), 30_000);

describe('sessions', () => {
  it('are listed those last active first, page by page, each once', async () => {
    const user = await Chatter.arrive(chat);
    const started: string[] = [];
    for (let index = 0; index < 5; index += 1) started.push(await user.start(`session ${index}`));
    await user.send(started[0] ?? '', 'back again');
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await user.ask((messages) => messages.send(listSessions, { limit: 2, cursor }));
      seen.push(...page.data.map(({ session_id }) => session_id));
      cursor = page.next_cursor ?? undefined;
      expect(page.has_more).toBe(cursor !== undefined);
    } while (cursor);
    expect(seen).toEqual([started[0], started[4], started[3], started[2], started[1]]);

    await user.ask((messages) =>
      messages.send(updateSession, { session_id: started[2] ?? '', changes: { title: 'Quarterly Report' } }),
    );
    const named = await user.ask((messages) => messages.send(listSessions, { limit: 9, title: 'quarterly' }));
    expect(named.data.map(({ session_id }) => session_id)).toEqual([started[2]]);
    const refused = failureOf(user.ask((messages) => messages.send(listSessions, { limit: 2, cursor: 'nonsense' })));
    expect(await refused).toMatchObject({ code: 'invalid_request', param: 'cursor' });
  });

  it('show their messages page by page from either end', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('m0');
    for (let index = 1; index < 4; index += 1) await user.send(session, `m${index}`);
    const whole = await user.history(session);
    for (const order of ['asc', 'desc'] as const) {
      const read = [];
      let cursor: string | undefined;
      do {
        const query = { session_id: session, limit: 3, order, cursor, include_superseded: false };
        const page = await user.ask((messages) => messages.send(listMessages, query));
        read.push(...page.data);
        cursor = page.next_cursor ?? undefined;
      } while (cursor);
      expect(order === 'asc' ? read : read.reverse()).toEqual(whole);
    }
  });

  it('are not read from a place that cannot be', async () => {
    const user = await Chatter.arrive(chat);
    const query = { session_id: await user.start('m0'), limit: 3, order: 'asc' as const, include_superseded: false };
    for (const position of [2 ** 31, 1e300, 0.5, '1', null]) {
      const cursor = Buffer.from(JSON.stringify([position])).toString('base64url');
      const refused = failureOf(user.ask((messages) => messages.send(listMessages, { ...query, cursor })));
      expect(await refused).toMatchObject({ code: 'invalid_request', param: 'cursor' });
    }
  });

  it('are found by their words, only by their owner', async () => {
    const [user, other] = [await Chatter.arrive(chat), await Chatter.arrive(chat)];
    const session = await user.start('The zebrafish crossed the tollgate.');
    await other.start('No fish here.');
    const find = (who: Chatter, query: string) =>
      who.ask((messages) => messages.send(searchMessages, { query, limit: 10 }));
    const found = await find(user, 'zebrafish -submarine');
    expect(found.data.map(({ session_id }) => session_id)).toEqual([session, session]);
    expect(found.data.at(-1)?.snippet).toContain('**zebrafish**');
    expect((await find(user, '"crossed the zebrafish"')).data).toEqual([]);
    expect((await find(other, 'zebrafish')).data).toEqual([]);
    const plan = await chat.database.$transaction(async (transaction) => {
      await transaction.$executeRaw`SET LOCAL enable_seqscan = off`;
      return transaction.$queryRaw<{ 'QUERY PLAN': string }[]>`EXPLAIN SELECT 1 FROM chat_message m
        WHERE to_tsvector('simple', left(m.content, 100000)) @@ websearch_to_tsquery('simple', 'zebrafish')
        AND m.state <> 'running' AND m.superseded_by IS NULL`;
    });
    expect(JSON.stringify(plan)).toContain('chat_message_search');
  });

  it('fork at a message: both go on apart', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('one');
    await user.send(session, 'two');
    const [, answer] = await user.history(session);
    const input = { session_id: session, message_id: answer?.message_id ?? '', title: 'A fork' };
    const fork = await user.ask((messages) => messages.send(forkSession, input));
    expect(fork).toMatchObject({ title: 'A fork', forked_from: session, turns: 1 });
    await user.send(fork.session_id, 'another two');
    const contents = async (id: string) => (await user.history(id)).map(({ content }) => content);
    expect(await contents(fork.session_id)).toEqual(['one', answer?.content, 'another two', expect.any(String)]);
    expect(await contents(session)).toEqual(['one', answer?.content, 'two', expect.any(String)]);
    expect(chat.simulator.calls()).toHaveLength(3);
  });
});

describe('a deleted session', () => {
  it('leaves no text in Postgres or Redis, stops what runs, and keeps its rows in the ledger', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('my secret is xylophone');
    chat.simulator.setPace({ tokensPerSecond: 50 });
    const question = { session_id: session, user_message: 'SIMULATE_TOKENS=2000', on_conflict: 'wait' as const };
    const reading = user.readAll((messages) => messages.stream(sendMessage, question)).catch(() => undefined);
    await eventually(
      () => chat.redis.keys(`*${session}*events*`),
      ({ length }) => length === 2,
    );
    await user.ask((messages) => messages.send(deleteSession, { session_id: session }));
    await reading;
    expect(await chat.database.chatMessage.count({ where: { sessionId: session } })).toBe(0);
    for (const key of await chat.redis.keys(`*${session}*`)) {
      const content = key.includes(':events:') ? await chat.redis.xrange(key, '-', '+') : await chat.redis.dump(key);
      expect(JSON.stringify(content)).not.toMatch(/xylophone|simulated/);
      expect(await chat.redis.pttl(key)).toBeGreaterThan(0);
    }
    const rows = await eventually(
      () => chat.database.usageAttempt.findMany({ where: { accountId: user.caller.account_id } }),
      ({ length }) => length === 2,
    );
    expect(
      JSON.stringify(rows, (_key, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)),
    ).not.toMatch(/xylophone|simulated/);
    expect(await failureOf(user.history(session))).toMatchObject({ code: 'not_found' });
  });

  it('is one that nobody used for the days of its retention, and no other', async () => {
    const user = await Chatter.arrive(chat);
    const [old, recent] = [await user.start('old'), await user.start('recent')];
    const lastActive = new Date(Date.now() - 31 * 86_400_000);
    await chat.database.chatSession.update({ where: { id: old }, data: { lastActive } });
    expect(await chat.app.get(Retention).sweep()).toBe(1);
    expect(await failureOf(user.history(old))).toMatchObject({ code: 'not_found' });
    expect(await user.history(recent)).toHaveLength(2);
  });
});
