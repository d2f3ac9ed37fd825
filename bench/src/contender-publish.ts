import { Redis } from 'ioredis';
import { makeParts, type ClientSide, type Part, type ServerSide, type StreamOrder } from './contender.js';

const REQUESTS = 'publish.requests';
const REPLIES = 'publish.replies';

type Order = { prompt: string } | StreamOrder;
interface Answer {
  call: number;
  answer?: unknown;
  part?: Part;
}

/** The least that can answer over publish/subscribe: a request is one PUBLISH, each part one that is awaited. */
export async function startServer(redisUrl: string): Promise<ServerSide> {
  const [publisher, subscriber] = [new Redis(redisUrl), new Redis(redisUrl)];
  const reply = (answer: Answer) => publisher.publish(REPLIES, JSON.stringify(answer));
  const handle = async ({ call, order }: { call: number; order: Order }) => {
    if ('prompt' in order) return void reply({ call, answer: order });
    for await (const part of makeParts(order)) await reply({ call, part });
    await reply({ call });
  };
  subscriber.on('message', (_channel, message) => void handle(JSON.parse(message)));
  await subscriber.subscribe(REQUESTS);
  return { close: async () => [publisher, subscriber].forEach((redis) => redis.disconnect()) };
}

interface Call {
  settle: (answer: unknown) => void;
  onPart?: (part: Part) => void;
}

export async function startClient(redisUrl: string): Promise<ClientSide> {
  const [publisher, subscriber] = [new Redis(redisUrl), new Redis(redisUrl)];
  const calls = new Map<number, Call>();
  let lastCall = 0;
  subscriber.on('message', (_channel, message) => {
    const { call, answer, part } = JSON.parse(message) as Answer;
    const waiting = calls.get(call);
    if (part) return waiting?.onPart?.(part);
    calls.delete(call);
    waiting?.settle(answer);
  });
  await subscriber.subscribe(REPLIES);
  const send = (order: Order, onPart?: Call['onPart']) =>
    new Promise<unknown>((settle) => {
      calls.set((lastCall += 1), { settle, onPart });
      void publisher.publish(REQUESTS, JSON.stringify({ call: lastCall, order }));
    });
  return {
    request: (prompt) => send({ prompt }),
    stream: async (order, onPart) => void (await send(order, onPart)),
    close: async () => [publisher, subscriber].forEach((redis) => redis.disconnect()),
  };
}
