import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SendChatMessageResponse } from '@tollgate/contracts';
import { eventually } from '@tollgate/testing';
import { historyOf, readUntilCut, startSession, type Received } from './chat-client.js';
import { TestClient } from './client.js';
import { startStack, type Stack } from './stack.js';

/** The full size is `CHAT_DRILL=full`: 200 sessions of 50 turns, and 500 cuts. */
const isFull = process.env['CHAT_DRILL'] === 'full';
const SESSIONS = isFull ? 200 : 12;
const TURNS = isFull ? 50 : 6;
const CUTS = isFull ? 500 : 40;
const DRILL_TIMEOUT_MS = isFull ? 1_800_000 : 120_000;

const sessions = '/api/v1/chat/sessions';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({}, ['chat', 'llm-router']);
}, 60_000);
afterEach(() => {
  stack.local.reset();
  stack.cloud.reset();
});
afterAll(() => stack.stop(), 60_000);

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
          const received: Received = { text: '', lastEventId: undefined, messageId: undefined, end: undefined };
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
      await expectLedgerToAgree(clients);
    },
    DRILL_TIMEOUT_MS,
  );
});

describe('two replicas of the chat service', () => {
  it(
    `answer ${SESSIONS} sessions of ${TURNS} turns at once, and a kill -9 of each loses and doubles nothing`,
    async () => {
      await stack.startReplica('chat');
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
      // The first replica dies in the middle of its answers, a new one comes, then the second one dies.
      await eventually(
        () => turnsDone,
        (done) => done > total * 0.25,
        DRILL_TIMEOUT_MS,
      );
      const killedAt = Date.now();
      stack.processOf('chat').kill('SIGKILL');
      const third = await stack.startReplica('chat');
      await eventually(
        () => turnsDone,
        (done) => done > total * 0.6,
        DRILL_TIMEOUT_MS,
      );
      third.child.kill('SIGKILL');
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
      if (isFull)
        process.stderr.write(
          `${turnsDone} turns, ${interruptions} interrupted, ${Date.now() - killedAt} ms since the first kill\n`,
        );
      await expectLedgerToAgree(clients);
    },
    DRILL_TIMEOUT_MS,
  );

  it('hold no lock of a replica that died for longer than five seconds', async () => {
    const doomed = await startStack({}, ['chat', 'llm-router']);
    try {
      const owner = await TestClient.register(doomed.url);
      const { session_id } = await startSession(owner, 'Hello');
      doomed.local.setPace({ tokensPerSecond: 20 });
      const body = { user_message: 'SIMULATE_TOKENS=2000', stream: true };
      const received: Received = { text: '', lastEventId: undefined, messageId: undefined, end: undefined };
      const url = `${doomed.url}${sessions}/${session_id}/messages`;
      const reading = readUntilCut({ url, method: 'POST', token: owner.token, body }, received, Infinity);
      await eventually(
        () => received.text.length,
        (length) => length > 20,
        10_000,
      );
      doomed.processOf('chat').kill('SIGKILL');
      const killedAt = Date.now();
      await doomed.startReplica('chat');
      doomed.local.setPace({ tokensPerSecond: 0 });
      await reading;
      const answer = await owner.post(`${sessions}/${session_id}/messages`, { user_message: 'Still there?' });
      expect(answer.status).toBe(200);
      // The lease and the answer itself; starting a process may take longer than the lease.
      expect(Date.now() - killedAt).toBeLessThan(15_000);
      const history = await historyOf(owner, session_id);
      expect(history.map(({ state }) => state)).toEqual([
        'complete',
        'complete',
        'complete',
        'failed',
        'complete',
        'complete',
      ]);
      expect(history[3]?.content.startsWith(received.text)).toBe(true);
    } finally {
      await doomed.stop();
    }
  }, 90_000);
});

/** What the ledger charged is what the providers served, once each. */
async function expectLedgerToAgree(clients: TestClient[]): Promise<void> {
  const emails = clients.map(({ email }) => email);
  const rowsOf = () =>
    stack.query<{ outcome: string; tokens_input: number; tokens_output: number }>(
      `SELECT a.outcome, a.tokens_input, a.tokens_output FROM usage_attempt a JOIN app_user u ON u.id = a.user_id
       WHERE u.email = ANY($1)`,
      [emails],
    );
  const calls = [...stack.local.calls(), ...stack.cloud.calls()];
  const rows = await eventually(rowsOf, ({ length }) => length >= calls.length, 10_000);
  expect(rows).toHaveLength(calls.length);
  const sizes = (list: { input: number; output: number }[]) =>
    list.map(({ input, output }) => `${input} ${output}`).sort();
  const completed = rows.filter(({ outcome }) => outcome === 'completed');
  expect(sizes(completed.map((row) => ({ input: row.tokens_input, output: row.tokens_output })))).toEqual(
    sizes(
      calls
        .filter(({ outcome }) => outcome === 'completed')
        .map((call) => ({ input: call.promptTokens, output: call.completionTokens })),
    ),
  );
}
