import type { AppError } from '@tollgate/contracts';
import type { FastifyInstance } from 'fastify';
import type { ServerResponse } from 'node:http';

/** What the client is about to have. */
export interface EndingAnswer {
  status: number;
  /** Of an answer that is no stream: as it is sent. */
  body?: string;
  /** Of a stream that somebody keeps: the data of its events. */
  events?: string[];
  /** What a stream broke off with. */
  error?: AppError;
}

export type EndWork = (answer: EndingAnswer) => Promise<void>;

const waiting = new WeakMap<ServerResponse, EndWork[]>();
const kept = new WeakSet<ServerResponse>();

/**
 * Runs `work` once, in the order of registration, before the client sees the end of its answer: a client that sends its
 * next request right after must find its slot free, and one that loses the connection right after must find its answer kept.
 */
export function beforeAnswerEnds(response: ServerResponse, work: EndWork): void {
  const works = waiting.get(response);
  if (works) works.push(work);
  else waiting.set(response, [work]);
}

/** Somebody wants the answer to the last word, also when the client has left. */
export function keepAnswer(response: ServerResponse): void {
  kept.add(response);
}

export function isAnswerKept(response: ServerResponse): boolean {
  return kept.has(response);
}

/** For whoever writes the last bytes of an answer by itself. The work reports its own failures and does not throw. */
export async function finishAnswer(response: ServerResponse, answer: EndingAnswer): Promise<void> {
  const works = waiting.get(response) ?? [];
  waiting.delete(response);
  for (const work of works) await work(answer);
}

/** For every answer that is sent through Fastify; one that is hijacked finishes by itself. */
export function finishAnswersOf(fastify: FastifyInstance): void {
  fastify.addHook('onSend', async (_request, reply, payload) => {
    if (!waiting.has(reply.raw)) return payload;
    const body = typeof payload === 'string' ? payload : undefined;
    await finishAnswer(reply.raw, { status: reply.statusCode, body });
    return payload;
  });
}
