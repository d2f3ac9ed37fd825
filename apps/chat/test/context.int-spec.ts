import { editMessage, selectModel, updateMessage } from '@tollgate/contracts';
import { countPromptTokens } from '@tollgate/llm';
import { ChatContext } from '../src/context/chat-context.service.js';
import { metrics } from '../src/coordination/metrics.js';
import { TurnStore } from '../src/turns/turn-store.js';
import { Chatter, startChatService, type ChatUnderTest } from './chat-under-test.js';

const CONTEXT = 8_192;
const wait = { on_conflict: 'wait' } as const;
/** The full size is `CHAT_DRILL_TURNS=1000`. */
const TURNS = Number(process.env['CHAT_DRILL_TURNS'] ?? 60);

let chat: ChatUnderTest;

beforeAll(async () => {
  chat = await startChatService();
}, 60_000);
afterEach(() => chat.simulator.reset());
afterAll(() => chat.stop(), 30_000);

/** A session with that many turns, written by hand: a model's pace says nothing about prompts. */
async function longSession(user: Chatter, turns: number, settings: Parameters<Chatter['start']>[1] = {}) {
  const session = await user.start('The password is swordfish.', settings);
  const filler = 'The quick brown fox jumps over the lazy dog. '.repeat(8);
  const rows = Array.from({ length: 2 * (turns - 1) }, (_, index) => ({
    id: crypto.randomUUID(),
    sessionId: session,
    position: index + 4,
    sender: index % 2 === 0 ? ('user' as const) : ('llm' as const),
    content: `Message ${index + 4}. ${filler}`,
    state: 'complete' as const,
    requestId: session,
  }));
  await chat.database.$transaction(
    async (tx) =>
      [
        await tx.chatMessage.createMany({ data: rows }),
        await tx.chatSession.update({ where: { id: session }, data: { turn: turns } }),
      ] as const,
  );
  return session;
}

/** The prompt of the next turn, as the model would get it, and how many rows were read for it. */
async function promptOf(user: Chatter, sessionId: string, question: string) {
  const store = chat.app.get(TurnStore);
  const origin = { caller: user.caller, requestId: sessionId };
  const turn = await store.append(await store.session(sessionId, user.caller), { content: question }, origin);
  const find = jest.spyOn(chat.database.chatMessage, 'findMany');
  const prompt = await user.ask(async (messages) =>
    chat.app.get(ChatContext).promptFor(turn, await messages.send(selectModel, {}), {}),
  );
  const queries = find.mock.calls.filter(([query]) => query?.where?.sessionId === sessionId);
  const rowsRead = queries.reduce((sum, [query]) => sum + (query?.take ?? Infinity), 0);
  find.mockRestore();
  await store.withdraw(turn);
  return { prompt, tokens: countPromptTokens(prompt, 'gemma'), rowsRead };
}

describe('the prompt of a long session', () => {
  it('is the newest messages in their order, no longer and no dearer to read at a thousand turns than at a hundred', async () => {
    const user = await Chatter.arrive(chat);
    const [short, long] = [await longSession(user, 100), await longSession(user, 1_000)];
    const [before, after] = [await promptOf(user, short, 'And now?'), await promptOf(user, long, 'And now?')];
    for (const { prompt, tokens } of [before, after]) {
      expect(tokens).toBeLessThanOrEqual(CONTEXT - 1_024);
      expect(tokens).toBeGreaterThan(CONTEXT - 1_024 - 300);
      expect(prompt[0]?.role).toBe('user');
      expect(prompt.at(-1)).toEqual({ role: 'user', content: 'And now?' });
      const numbers = prompt.slice(0, -1).map(({ content }) => Number(/^Message (\d+)/.exec(content)?.[1]));
      expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
    }
    expect(after.prompt.at(-2)?.content).toMatch(/^Message 2001\./);
    expect(after.rowsRead).toBe(before.rowsRead);
    expect(after.rowsRead).toBeLessThanOrEqual(200);
  });

  it('keeps the system prompt and what is pinned, in its place', async () => {
    const user = await Chatter.arrive(chat);
    const session = await longSession(user, 300, { system_prompt: 'You are a librarian.' });
    const [first] = await user.history(session);
    const pin = { session_id: session, message_id: first?.message_id ?? '', changes: { pinned: true } };
    await user.ask((messages) => messages.send(updateMessage, pin));
    const { prompt, tokens } = await promptOf(user, session, 'What is the password?');
    expect(prompt.slice(0, 2)).toEqual([
      { role: 'system', content: 'You are a librarian.' },
      { role: 'user', content: 'The password is swordfish.' },
    ]);
    expect(prompt[2]?.content).toMatch(/^Message \d+/);
    expect(tokens).toBeLessThanOrEqual(CONTEXT - 1_024);
  });

  it('has a summary of what fell out, made once for many turns, billed and marked', async () => {
    const user = await Chatter.arrive(chat);
    const session = await longSession(user, 60, { history: 'summarise' });
    const summaries = () =>
      chat.database.usageAttempt.count({ where: { accountId: user.caller.account_id, task: 'chat-summary' } });
    // What had gathered before takes two: no turn sums up more than half of what fits.
    for (const message of ['one', 'two']) await user.send(session, message);
    expect(await summaries()).toBe(2);
    for (const message of ['three', 'four', 'five', 'six', 'seven']) await user.send(session, message);
    expect(await summaries()).toBe(2);
    const { summary, summaryThrough } = await chat.database.chatSession.findUniqueOrThrow({ where: { id: session } });
    expect(summary).toContain('[simulated]');
    const { prompt } = await promptOf(user, session, 'And now?');
    expect(prompt[0]).toEqual({ role: 'system', content: `Summary of the conversation so far:\n${summary}` });
    const oldest = Number(/^Message (\d+)/.exec(prompt[1]?.content ?? '')?.[1]);
    expect(oldest).toBe(summaryThrough + 1);

    // What is replaced is not told of any more.
    chat.simulator.clearCalls();
    const [first] = await user.history(session);
    const edit = { session_id: session, message_id: first?.message_id ?? '', user_message: 'Anew', ...wait };
    await user.readAll((messages) => messages.stream(editMessage, edit));
    expect((await promptOf(user, session, 'And now?')).prompt).toEqual([
      { role: 'user', content: 'Anew' },
      { role: 'assistant', content: expect.stringContaining('Anew') },
      { role: 'user', content: 'And now?' },
    ]);
    expect(chat.simulator.calls()).toHaveLength(1);
  });
});

it(`a session of ${TURNS} turns stays within the model's context at every one of them, and costs no more at the end`, async () => {
  const user = await Chatter.arrive(chat);
  chat.simulator.setPace({ tokensPerSecond: 0, firstTokenMs: 0 });
  await chat.database.account.update({ where: { id: user.caller.account_id }, data: { planCode: 'pro' } });
  const session = await user.start('The password is swordfish.', { history: 'summarise' });
  const [fact] = await user.history(session);
  const pin = { session_id: session, message_id: fact?.message_id ?? '', changes: { pinned: true } };
  await user.ask((messages) => messages.send(updateMessage, pin));
  const loads: number[] = [];
  const turns: number[] = [];
  const timer = jest.spyOn(metrics.contextLoad, 'startTimer').mockImplementation(() => {
    const startedAt = performance.now();
    return () => loads.push(performance.now() - startedAt);
  });
  for (let turn = 1; turn < TURNS; turn += 1) {
    const startedAt = performance.now();
    await user.send(session, `Turn ${turn}. ${'All work and no play makes Jack a dull boy. '.repeat(24)}`);
    turns.push(performance.now() - startedAt);
  }
  const rows = await chat.database.usageAttempt.findMany({
    where: { accountId: user.caller.account_id },
    orderBy: { startedAt: 'asc' },
  });
  expect(rows.filter(({ task }) => task === 'chat')).toHaveLength(TURNS);
  expect(Math.max(...rows.map(({ tokensInput }) => tokensInput))).toBeLessThan(CONTEXT);
  const costOf = (part: typeof rows) => part.reduce((sum, { tokensInput }) => sum + tokensInput, 0) / (TURNS / 4);
  const [middle, last] = [rows.slice(-rows.length / 2, -rows.length / 4), rows.slice(-rows.length / 4)];
  expect(costOf(last)).toBeLessThan(costOf(middle) * 1.5);
  timer.mockRestore();
  expect(loads).toHaveLength(TURNS - 1);
  expect(rows.filter(({ task }) => task === 'chat-summary').length).toBeGreaterThan(0);
  const { prompt } = await promptOf(user, session, 'What is the password?');
  expect(prompt[0]?.content).toMatch(/^Summary of the conversation so far:/);
  expect(prompt[1]).toEqual({ role: 'user', content: 'The password is swordfish.' });
  if (!process.env['CHAT_DRILL_TURNS']) return;
  const p95 = (times: number[]) => times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.95)] ?? Infinity;
  const quarter = Math.floor(loads.length / 4);
  const quarters = (times: number[]) => [p95(times.slice(quarter, 2 * quarter)), p95(times.slice(-quarter))] as const;
  const [early, late] = quarters(loads);
  const inMs = (pair: readonly number[]) => pair.map((ms) => ms.toFixed(1)).join(' ms, last ');
  process.stderr.write(
    `p95 of loading the context: second quarter ${inMs([early, late])} ms; of a turn: second quarter ${inMs(quarters(turns))} ms; ` +
      `prompt tokens at most ${Math.max(...rows.map(({ tokensInput }) => tokensInput))}\n`,
  );
  expect(late).toBeLessThan(2 * early + 20);
}, 900_000);
