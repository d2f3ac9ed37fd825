import { now, type ClientSide, type Part } from './contender.js';
import { quantile } from './statistics.js';

/** About 400 bytes, a short question to a model. */
const PROMPT = 'Summarise in one sentence what a toll gate does and why. '.repeat(7);

export interface RequestLoad {
  concurrency: number;
  /** Ends after this many milliseconds, or after this many requests. */
  durationMs?: number;
  requests?: number;
}

export interface RequestFigures {
  requests: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

/** Keeps `concurrency` requests in flight. */
export async function loadRequests(client: ClientSide, load: RequestLoad): Promise<RequestFigures> {
  const latencies: number[] = [];
  const startedAt = now();
  const endsAt = startedAt + (load.durationMs ?? Infinity);
  let left = load.requests ?? Infinity;
  const keepSending = async () => {
    for (let sentAt = now(); sentAt < endsAt && left > 0; sentAt = now()) {
      left -= 1;
      await client.request(PROMPT);
      latencies.push(now() - sentAt);
    }
  };
  await Promise.all(Array.from({ length: load.concurrency }, keepSending));
  const seconds = (now() - startedAt) / 1_000;
  return {
    requests: latencies.length,
    perSecond: latencies.length / seconds,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
  };
}

export interface StreamLoad {
  concurrency: number;
  /** Each of the concurrent readers reads this many streams, one after the other. */
  streamsEach: number;
  parts: number;
  everyMs: number;
}

export interface StreamFigures {
  parts: number;
  perSecond: number;
  /** From sending the request to its first part. */
  firstP50Ms: number;
  /** From the making of a part to its receipt. */
  delayP50Ms: number;
  delayP99Ms: number;
}

/** @throws Error when a stream did not bring all its parts */
export async function loadStreams(client: ClientSide, load: StreamLoad): Promise<StreamFigures> {
  const [first, delays]: [number[], number[]] = [[], []];
  const startedAt = now();
  const readOne = async (delayMs: number) => {
    const sentAt = now();
    let received = 0;
    const onPart = ({ at }: Part) => {
      const receivedAt = now();
      if (received === 0) first.push(receivedAt - sentAt - delayMs);
      received += 1;
      delays.push(receivedAt - at);
    };
    await client.stream?.({ parts: load.parts, everyMs: load.everyMs, delayMs }, onPart);
    if (received !== load.parts) throw new Error(`a stream of ${load.parts} parts brought ${received}`);
  };
  const keepReading = async (_: unknown, reader: number) => {
    const delayMs = (load.everyMs * reader) / load.concurrency;
    for (let stream = 0; stream < load.streamsEach; stream += 1) await readOne(delayMs);
  };
  await Promise.all(Array.from({ length: load.concurrency }, keepReading));
  return {
    parts: delays.length,
    perSecond: delays.length / ((now() - startedAt) / 1_000),
    firstP50Ms: quantile(first, 0.5),
    delayP50Ms: quantile(delays, 0.5),
    delayP99Ms: quantile(delays, 0.99),
  };
}
