import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChatMessagePage, SendChatMessageResponse, type ChatMessageSchema } from '@tollgate/contracts';
import { eventually } from '@tollgate/testing';
import { historyOf, newReceived, readUntilCut, startSession } from './chat-client.js';
import { ChatLocks } from './chat-locks.js';
import { TestClient } from './client.js';
import { expectLedgerToAgree } from './ledger.js';
import { startStack, type Stack } from './stack.js';

/** The full size is `CHAT_DRILL=full`: 200 sessions of 50 turns, and 500 cuts. */
const isFull = process.env['CHAT_DRILL'] === 'full';
const SESSIONS = isFull ? 200 : 12;
const TURNS = isFull ? 50 : 6;
const CUTS = isFull ? 500 : 40;
const DRILL_TIMEOUT_MS = isFull ? 1_800_000 : 120_000;

const sessions = '/api/v1/chat/sessions';

/** The simulator honours no patterns: with one that it misses every call of its is refused. */
const joinBlocks = (pattern?: string) => ({
  type: 'function',
  function: {
    name: 'join_blocks',
    parameters: {
      type: 'object',
      properties: { source: { type: 'string', ...(pattern && { pattern }) } },
      required: ['source'],
      additionalProperties: false,
    },
  },
});

let stack: Stack;
let locks: ChatLocks;

beforeAll(async () => {
  stack = await startStack({}, ['chat', 'llm-router']);
  locks = new ChatLocks(stack.environment['REDIS_URL'] ?? '');
}, 60_000);
afterEach(() => {
  stack.local.reset();
  stack.cloud.reset();
});
afterAll(async () => {
  locks.close();
  await stack.stop();
}, 60_000);

describe('a stream', () => {
  it(
    `whose connections are cut ${CUTS} times at any byte ends with the stored text for every client, charged once`,
    async () => {
      const clients = await Promise.all(Array.from({ length: 4 }, () => TestClient.register(stack.url)));
      stack.local.setPace({ tokensPerSecond: 120, firstTokenMs: 20 });
      let cuts = 0;
      const converse = async (client: TestClient) => {
        const { session_id } = await startSession(client, 'Hello');
        let answers = 1;
        while (cuts < CUTS) {
          const received = newReceived();
          const url = `${stack.url}${sessions}/${session_id}/messages`;
          const body = { user_message: `Tell me. SIMULATE_TOKENS=${80 + (cuts % 60)}`, stream: true };
          const cutAfter = () => 150 + Math.floor(Math.random() * 2_500);
          await readUntilCut({ url, method: 'POST', token: client.token, body }, received, cutAfter());
          while (!received.end) {
            cuts += 1;
            // Cut before the first event was whole: the id of the answer is in the history.
            received.messageId ??= (await historyOf(client, session_id)).at(-1)?.message_id;
            const resumed = `${url}/${received.messageId}/stream`;
            await readUntilCut({ url: resumed, method: 'GET', token: client.token }, received, cutAfter());
          }
          answers += 1;
          expect(received.end.state).toBe('complete');
          expect(received.text).toBe(received.end.content);
          const stored = (await historyOf(client, session_id)).at(-1);
          expect(stored?.content).toBe(received.text);
        }
        return answers;
      };
      const answers = (await Promise.all(clients.map(converse))).reduce((sum, count) => sum + count, 0);
      expect(cuts).toBeGreaterThanOrEqual(CUTS);
      expect(stack.local.calls()).toHaveLength(answers);
      await expectLedgerToAgree(stack, clients);
    },
    DRILL_TIMEOUT_MS,
  );
});

describe('a chat service that is killed', () => {
  it('keeps what was acknowledged once and in order, and what was streamed, wherever a turn was and with functions too', async () => {
    const owner = await TestClient.register(stack.url);
    const begin = async () => (await startSession(owner, 'Hello')).session_id;
    const [plain, idle, resulting, asking, correcting] = await Promise.all([
      begin(),
      begin(),
      begin(),
      begin(),
      begin(),
    ]);
    const send = (session: string, body: object) => owner.post(`${sessions}/${session}/messages`, body);
    const answerOf = async (response: Promise<Response>) =>
      SendChatMessageResponse.parse(await (await response).json()).answer;
    const ask = { user_message: 'Join them. SIMULATE_TOKENS=400', tools: [joinBlocks()] };
    const resultsFor = ({ tool_calls: calls }: ChatMessageSchema) =>
      (calls ?? []).map(({ id }) => ({ tool_call_id: id, content: 'done' }));
    const [idleCall, resultingCall] = await Promise.all([answerOf(send(idle, ask)), answerOf(send(resulting, ask))]);
    const started = () => stack.local.calls().length;

    // Two answers are being streamed, one of them to the results of a function …
    stack.local.setPace({ tokensPerSecond: 20 });
    const streams = [
      { session: plain, body: { user_message: 'SIMULATE_TOKENS=400', stream: true }, received: newReceived() },
      { session: resulting, body: { tool_results: resultsFor(resultingCall), stream: true }, received: newReceived() },
    ] as const;
    const reading = streams.map(({ session, body, received }) => {
      const url = `${stack.url}${sessions}/${session}/messages`;
      return readUntilCut({ url, method: 'POST', token: owner.token, body }, received, Infinity);
    });
    await eventually(
      () => streams.map(({ received }) => received.text.length),
      (lengths) => Math.min(...lengths) > 20,
      10_000,
    );
    // … and two models have not answered yet, one of them told that its call was wrong.
    stack.local.setPace({ firstTokenMs: 2_000 });
    const before = started();
    const lost = [send(correcting, { ...ask, tools: [joinBlocks('^b[0-9]$')] })];
    await eventually(started, (count) => count === before + 2, 10_000);
    lost.push(send(asking, ask));
    await eventually(started, (count) => count === before + 3, 10_000);

    const held = await locks.held();
    expect(held).toHaveLength(4);
    const restarted = stack.killAndRestart('chat');
    await locks.outlived(held, Date.now());
    await restarted;
    await Promise.all(reading);
    for (const response of await Promise.all(lost)) expect([502, 503, 504]).toContain(response.status);
    stack.local.setPace({ tokensPerSecond: 0, firstTokenMs: 0 });

    const after = await Promise.all([
      answerOf(send(plain, { user_message: 'Still there?' })),
      answerOf(send(idle, { tool_results: resultsFor(idleCall) })),
      answerOf(owner.post(`${sessions}/${resulting}/regenerate`, {})),
      answerOf(send(asking, ask)),
      answerOf(send(correcting, ask)),
    ]);
    expect(after.map(({ state, tool_calls: calls }) => [state, calls?.length])).toEqual([
      ...[1, 2, 3].map(() => ['complete', undefined]),
      ...[4, 5].map(() => ['complete', 1]),
    ]);
    const told = async (session: string) =>
      (await historyOf(owner, session)).slice(2).map(({ sender, state }) => `${sender} ${state}`);
    const again = ['user complete', 'LLM failed', 'user complete', 'LLM complete'];
    const results = ['user complete', 'LLM complete', 'tool complete', 'LLM complete'];
    expect(await Promise.all([plain, idle, resulting, asking, correcting].map(told))).toEqual([
      again,
      results,
      results,
      again,
      again,
    ]);
    for (const { session, received } of streams) {
      const all = await owner.get(`${sessions}/${session}/messages?include_superseded=true`);
      const failed = ChatMessagePage.parse(await all.json()).data.find(({ state }) => state === 'failed');
      expect(failed?.content.startsWith(received.text)).toBe(true);
    }
    await expectLedgerToAgree(stack, [owner]);
  }, 60_000);
});

describe('two replicas of the chat service', () => {
  it(
    `answer ${SESSIONS} sessions of ${TURNS} turns at once, and a kill -9 of each loses and doubles nothing`,
    async () => {
      const second = await stack.startReplica('chat');
      const clients = await Promise.all(Array.from({ length: 4 }, () => TestClient.register(stack.url)));
      await stack.query("UPDATE account SET plan_code = 'pro'");
      await Promise.all(clients.map((client) => client.login()));
      for (const provider of [stack.local, stack.cloud]) provider.setPace({ tokensPerSecond: 400, firstTokenMs: 10 });
      let turnsDone = 0;
      let interruptions = 0;

      /** Sends until it is acknowledged, as a client with a person behind it does; gives what was acknowledged. */
      const converse = async (client: TestClient, index: number) => {
        const acknowledged: { question: string; answer: string }[] = [];
        const first = `Session ${index}, turn 0`;
        const { session_id, message } = await startSession(client, first);
        acknowledged.push({ question: first, answer: message });
        for (let turn = 1; turn < TURNS;) {
          const question = `Session ${index}, turn ${turn}, ${randomUUID()}`;
          const response = await client.post(`${sessions}/${session_id}/messages`, { user_message: question });
          if (response.ok) {
            const { response_message: answer } = SendChatMessageResponse.parse(await response.json());
            acknowledged.push({ question, answer });
            turn += 1;
            turnsDone += 1;
          } else {
            interruptions += 1;
            expect([502, 503, 504]).toContain(response.status);
            await response.body?.cancel();
            await sleep(100);
          }
        }
        return { session_id, client, acknowledged };
      };

      const running = Promise.all(
        Array.from({ length: SESSIONS }, (_, index) => {
          const client = clients[index % clients.length];
          if (!client) throw new Error('no client');
          return sleep(isFull ? index * 20 : 0).then(() => converse(client, index));
        }),
      );
      const total = SESSIONS * (TURNS - 1);
      // Both die in the middle of their answers, one after the other; before the second one a new one comes.
      await eventually(
        () => turnsDone,
        (done) => done > total * 0.25,
        DRILL_TIMEOUT_MS,
      );
      const startedAt = Date.now();
      /** How long the locks lived that were held at that moment. */
      const killed = async (replica: ChildProcess) => {
        const held = await locks.held();
        expect(replica.kill('SIGKILL')).toBe(true);
        return locks.outlived(held, Date.now());
      };
      const firstOutlived = killed(stack.processOf('chat'));
      await stack.startReplica('chat');
      await eventually(
        () => turnsDone,
        (done) => done > total * 0.6,
        DRILL_TIMEOUT_MS,
      );
      const outlivedMs = Math.max(await firstOutlived, await killed(second.child));
      const conversations = await running;

      const unfinished = () => stack.query<{ id: string }>("SELECT id FROM chat_message WHERE state = 'running'");
      await eventually(unfinished, (rows) => rows.length === 0, 10_000);
      for (const { session_id, client, acknowledged } of conversations) {
        const history = await historyOf(client, session_id);
        const complete = history.flatMap(({ sender, content }, index) => {
          const answer = history[index + 1];
          return sender === 'user' && answer?.state === 'complete'
            ? [{ question: content, answer: answer.content }]
            : [];
        });
        const known = new Set(acknowledged.map(({ question }) => question));
        expect(complete.filter(({ question }) => known.has(question))).toEqual(acknowledged);
        expect(history.map(({ sender }) => sender)).toEqual(
          history.map((_, index) => (index % 2 === 0 ? 'user' : 'LLM')),
        );
        expect(new Set(history.map(({ position }) => position)).size).toBe(history.length);
      }
      expect(interruptions).toBeGreaterThan(0);
      if (isFull)
        process.stderr.write(
          `${turnsDone} turns, ${interruptions} interrupted, ${Date.now() - startedAt} ms since the first kill; ` +
            `locks outlived their owners by ${outlivedMs} ms at most\n`,
        );
      await expectLedgerToAgree(stack, clients);
    },
    DRILL_TIMEOUT_MS,
  );
});
