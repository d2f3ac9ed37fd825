import { Pool } from 'undici';
import { quantile } from '../statistics.js';
import type { Contender } from './contenders.js';

export interface LoadFigures {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

const PROMPT = 'In one short sentence: what does a toll gate do, and why do people build them?';
const OUTPUT_TOKENS = 16;
const WARM_TURNS = 3;

let requestsSent = 0;

/** No two prompts are alike, so that nobody's cache answers. */
function bodyFor({ model }: Contender, stream: boolean): string {
  requestsSent += 1;
  const messages = [{ role: 'user', content: `${requestsSent}: ${PROMPT}` }];
  return JSON.stringify({ model, messages, max_tokens: OUTPUT_TOKENS, stream });
}

/** An answer on each of `connections` connections at a time. @throws Error at the first answer that is not a completion */
export async function loadAnswers(contender: Contender, connections: number, durationMs: number): Promise<LoadFigures> {
  const pool = new Pool(contender.url, { connections, pipelining: 1 });
  const latencies: number[] = [];
  const answer = async () => {
    const { statusCode, body } = await post(pool, contender, false);
    const text = await body.text();
    if (statusCode !== 200 || !text.includes('"choices"')) throw unexpected(contender, statusCode, text);
  };
  try {
    // Opens the connections.
    for (let turn = 0; turn < WARM_TURNS; turn += 1) await Promise.all(Array.from({ length: connections }, answer));
    const startedAt = performance.now();
    const endsAt = startedAt + durationMs;
    const keepAsking = async () => {
      for (let sentAt = performance.now(); sentAt < endsAt; sentAt = performance.now()) {
        await answer();
        latencies.push(performance.now() - sentAt);
      }
    };
    await Promise.all(Array.from({ length: connections }, keepAsking));
    const seconds = (performance.now() - startedAt) / 1_000;
    return {
      perSecond: latencies.length / seconds,
      p50Ms: quantile(latencies, 0.5),
      p99Ms: quantile(latencies, 0.99),
    };
  } finally {
    await pool.close();
  }
}

/** The median time from a request to the first token of its stream, one stream after the other. */
export async function firstTokenMs(contender: Contender, streams: number): Promise<number> {
  const pool = new Pool(contender.url, { connections: 1, pipelining: 1 });
  const waits: number[] = [];
  try {
    for (let stream = 0; stream < streams; stream += 1) waits.push(await waitForFirstToken(pool, contender));
    return quantile(waits, 0.5);
  } finally {
    await pool.close();
  }
}

async function waitForFirstToken(pool: Pool, contender: Contender): Promise<number> {
  const sentAt = performance.now();
  const { statusCode, body } = await post(pool, contender, true);
  let text = '';
  let waitedMs: number | undefined;
  for await (const chunk of body) {
    text += String(chunk);
    // Some say the role in an event of its own first.
    if (waitedMs === undefined && /"content":"[^"]/.test(text)) waitedMs = performance.now() - sentAt;
  }
  if (statusCode !== 200 || waitedMs === undefined) throw unexpected(contender, statusCode, text);
  return waitedMs;
}

function post(pool: Pool, contender: Contender, stream: boolean) {
  return pool.request({
    path: '/v1/chat/completions',
    method: 'POST',
    headers: { 'content-type': 'application/json', ...contender.headers },
    body: bodyFor(contender, stream),
  });
}

function unexpected({ label }: Contender, status: number, text: string): Error {
  return new Error(`${label} answered ${status}: ${text.slice(0, 500)}`);
}
