import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { ClientSide, Contender, ServerSide } from './contender.js';

const READ_COUNT_MAX = 64;
const QUEUE_MAX = 10_000;
const FENCE_TTL_MS = 15_000;
const HEARTBEAT_TTL_MS = 1_400;
const HEARTBEAT_EVERY_MS = 350;
/** Answers are kept, and entries acknowledged, together with those of so many milliseconds. */
const TOGETHER_MS = 5;
const TRIM_EVERY_MS = 50;

const ADD_IF_ROOM = `
  if redis.call('XLEN', KEYS[1]) >= ${QUEUE_MAX} then return '' end
  return redis.call('XADD', KEYS[1], '*', 'm', ARGV[1])`;

/** What Tollgate promises and its message costs, one after the other: each contender does what those before it do. */
interface Guarantees {
  /** A queue that is full refuses more. */
  isBounded?: boolean;
  /** What was started is not started again: a key is set before an answer is made, and waited for or merely sent. */
  fence?: 'awaited' | 'sent';
  /** An answer survives a broken connection of its reader. */
  isKept?: boolean;
  /** A dead replica is noticed. */
  hasHeartbeat?: boolean;
}

type Streams = [key: string, entries: [id: string, fields: string[]][]][] | null;
interface Request {
  call: number;
  id: string;
  replyTo: string;
  body: unknown;
}

/**
 * The least that can answer over a consumer group: add, read, publish an answer, acknowledge and delete; and what some
 * guarantees need for it. Nothing is timed, cancelled, retried, taken over or checked.
 * @param key of its own for each contender
 */
export function streamsWith(key: string, guarantees: Guarantees = {}): Contender {
  return {
    startServer: (redisUrl) => serve(redisUrl, key, guarantees),
    startClient: (redisUrl) => connect(redisUrl, key, guarantees),
  };
}

async function serve(redisUrl: string, key: string, { fence, isKept, hasHeartbeat }: Guarantees): Promise<ServerSide> {
  const [commands, reader] = [new Redis(redisUrl), new Redis(redisUrl)];
  await commands.xgroup('CREATE', key, key, '0', 'MKSTREAM').catch(() => undefined); // It is there from a run before.
  let finished: string[] = [];
  const answers = new Map<string, string[]>();
  const finish = () => {
    for (const [replyTo, kept] of answers) void commands.xadd(replyTo, '*', 'f', `[${kept.join(',')}]`);
    answers.clear();
    void commands.xack(key, key, ...finished);
    void commands.xdel(key, ...finished);
    finished = [];
  };
  const answer = async (entryId: string, message: string) => {
    const { call, id, replyTo, body } = JSON.parse(message) as Request;
    const fenced = fence && commands.set(`${key}:started:${id}`, '1', 'PX', FENCE_TTL_MS, 'NX');
    if (fence === 'awaited' && (await fenced) === null) return;
    const text = JSON.stringify([call, body]);
    await commands.publish(`${replyTo}:frames`, text);
    if (isKept) answers.set(replyTo, [...(answers.get(replyTo) ?? []), text]);
    if (finished.push(entryId) === 1) setTimeout(finish, TOGETHER_MS);
  };
  const read = async () => {
    for (;;) {
      const streams = (await reader.xreadgroup(
        ...(['GROUP', key, 'replica', 'COUNT', READ_COUNT_MAX, 'BLOCK', 0, 'STREAMS', key, '>'] as const),
      )) as Streams;
      for (const [entryId, fields] of streams?.[0]?.[1] ?? []) void answer(entryId, fields[1] ?? '');
    }
  };
  read().catch(() => undefined); // Ends with the connection.
  const beat = () => void commands.set(`${key}:replica`, '1', 'PX', HEARTBEAT_TTL_MS);
  const heartbeat = hasHeartbeat ? setInterval(beat, HEARTBEAT_EVERY_MS) : undefined;
  return {
    close: async () => {
      clearInterval(heartbeat);
      for (const redis of [commands, reader]) redis.disconnect();
    },
  };
}

async function connect(redisUrl: string, key: string, { isBounded, isKept }: Guarantees): Promise<ClientSide> {
  const [commands, subscriber] = [new Redis(redisUrl), new Redis(redisUrl)];
  const script = String(await commands.script('LOAD', ADD_IF_ROOM));
  const replyTo = `${key}:replies:${randomUUID()}`;
  const calls = new Map<number, (answer: unknown) => void>();
  let lastCall = 0;
  subscriber.on('message', (_channel, message) => {
    const [call, body] = JSON.parse(message) as [number, unknown];
    calls.get(call)?.(body);
    calls.delete(call);
  });
  await subscriber.subscribe(`${replyTo}:frames`);
  const trim = async () => {
    const [newest] = await commands.xrevrange(replyTo, '+', '-', 'COUNT', 1);
    if (newest) await commands.xtrim(replyTo, 'MINID', newest[0]);
  };
  const trimming = isKept ? setInterval(() => void trim(), TRIM_EVERY_MS) : undefined;
  const add = (message: string) =>
    isBounded ? commands.call('EVALSHA', script, 1, key, message) : commands.xadd(key, '*', 'm', message);
  return {
    request: (prompt) =>
      new Promise((resolve) => {
        calls.set((lastCall += 1), resolve);
        const request: Request = { call: lastCall, id: randomUUID(), replyTo, body: { prompt } };
        void add(JSON.stringify(request));
      }),
    close: async () => {
      clearInterval(trimming);
      await commands.del(replyTo);
      for (const redis of [commands, subscriber]) redis.disconnect();
    },
  };
}
