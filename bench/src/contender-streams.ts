import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { ClientSide, Contender, ServerSide } from './contender.js';

const READ_COUNT_MAX = 64;
const FENCE_TTL_MS = 15_000;

type Streams = [key: string, entries: [id: string, fields: string[]][]][] | null;
interface Request {
  call: number;
  id: string;
  replyTo: string;
  body: unknown;
}

/**
 * The least that can answer over a consumer group, with Tollgate's settings of ioredis: add, read, answer to a stream of the
 * client, acknowledge and delete. Nothing is bounded, timed, cancelled, retried, taken over or checked.
 */
export const plain: Contender = {
  startServer: (redisUrl) => serve(redisUrl, 'streams', false),
  startClient: (redisUrl) => connect(redisUrl, 'streams'),
};

export const fenced: Contender = {
  startServer: (redisUrl) => serve(redisUrl, 'fenced', true),
  startClient: (redisUrl) => connect(redisUrl, 'fenced'),
};

/** @param isFenced sets a key before a request is answered, so that no other replica would answer it again */
async function serve(redisUrl: string, key: string, isFenced: boolean): Promise<ServerSide> {
  const commands = new Redis(redisUrl, { enableAutoPipelining: true });
  const reader = new Redis(redisUrl);
  await commands.xgroup('CREATE', key, key, '0', 'MKSTREAM').catch(() => undefined); // It is there from a run before.
  const answer = async (entryId: string, message: string) => {
    const { call, id, replyTo, body } = JSON.parse(message) as Request;
    if (isFenced && (await commands.set(`${key}:started:${id}`, '1', 'PX', FENCE_TTL_MS, 'NX')) === null) return;
    await commands.xadd(replyTo, '*', 'f', JSON.stringify([call, body]));
    await Promise.all([commands.xack(key, key, entryId), commands.xdel(key, entryId)]);
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
  return { close: async () => [commands, reader].forEach((redis) => redis.disconnect()) };
}

async function connect(redisUrl: string, key: string): Promise<ClientSide> {
  const commands = new Redis(redisUrl, { enableAutoPipelining: true });
  const reader = new Redis(redisUrl);
  const replyTo = `${key}:replies:${randomUUID()}`;
  const calls = new Map<number, (answer: unknown) => void>();
  let lastCall = 0;
  const read = async () => {
    for (let lastId = '0-0'; ;) {
      const streams = (await reader.xread('BLOCK', 0, 'STREAMS', replyTo, lastId)) as Streams;
      for (const [entryId, fields] of streams?.[0]?.[1] ?? []) {
        const [call, body] = JSON.parse(fields[1] ?? '[]') as [number, unknown];
        lastId = entryId;
        calls.get(call)?.(body);
        calls.delete(call);
      }
      void commands.xtrim(replyTo, 'MINID', lastId);
    }
  };
  read().catch(() => undefined); // Ends with the connection.
  return {
    request: (prompt) =>
      new Promise((resolve) => {
        calls.set((lastCall += 1), resolve);
        const request: Request = { call: lastCall, id: randomUUID(), replyTo, body: { prompt } };
        void commands.xadd(key, '*', 'm', JSON.stringify(request));
      }),
    close: async () => {
      await commands.del(replyTo);
      for (const redis of [commands, reader]) redis.disconnect();
    },
  };
}
