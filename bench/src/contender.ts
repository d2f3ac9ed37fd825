import { setTimeout as sleep } from 'node:timers/promises';
import type { streamsWith } from './contender-streams.js';

/** What a bench process needs of the transport it measures. */
export interface ClientSide {
  request(prompt: string): Promise<unknown>;
  /** Resolves at the end of the stream. Only contenders of the stream tables have it. */
  stream?(order: StreamOrder, onPart: (part: Part) => void): Promise<void>;
  close(): Promise<void>;
}

export interface ServerSide {
  close(): Promise<void>;
}

export interface Contender {
  startServer(redisUrl: string): Promise<ServerSide>;
  startClient(redisUrl: string): Promise<ClientSide>;
}

export interface StreamOrder {
  parts: number;
  /** 0: as fast as possible. */
  everyMs: number;
  /** Before the first part, so that paced streams do not tick together. */
  delayMs: number;
}

export interface Part {
  /** {@link now} when the handler made it. */
  at: number;
  text: string;
}

/** In the order of the tables; the first is the reference. Each is loaded only by the processes that need it. */
export const contenders = {
  nest: { label: "Nest's Redis transporter", load: () => import('./contender-nest.js') },
  publish: { label: 'raw publish/subscribe', load: () => import('./contender-publish.js') },
  streams: { label: 'raw streams, one group', load: () => withStreams('streams') },
  bounded: { label: '+ bounded queue', load: () => withStreams('bounded', { isBounded: true }) },
  awaited: {
    label: '+ fence, waited for',
    load: () => withStreams('awaited', { isBounded: true, fence: 'awaited' }),
  },
  fenced: { label: '+ fence, not waited for', load: () => withStreams('fenced', { isBounded: true, fence: 'sent' }) },
  kept: {
    label: '+ answers kept',
    load: () => withStreams('kept', { isBounded: true, fence: 'sent', isKept: true }),
  },
  beating: {
    label: '+ heartbeat',
    load: () => withStreams('beating', { isBounded: true, fence: 'sent', isKept: true, hasHeartbeat: true }),
  },
  tollgate: { label: 'Tollgate, all guarantees', load: () => import('./contender-tollgate.js') },
} satisfies Record<string, { label: string; load: () => Promise<Contender> }>;

async function withStreams(...parameters: Parameters<typeof streamsWith>): Promise<Contender> {
  return (await import('./contender-streams.js')).streamsWith(...parameters);
}

export type ContenderName = keyof typeof contenders;

export const contenderNames = Object.keys(contenders) as ContenderName[];

export function isContenderName(name: unknown): name is ContenderName {
  return contenderNames.some((known) => known === name);
}

/** Milliseconds; the same clock in every process of one machine, with a resolution of microseconds. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** What every server answers a {@link StreamOrder} with. */
export async function* makeParts({ parts, everyMs, delayMs }: StreamOrder): AsyncGenerator<Part, void> {
  const startAt = now() + delayMs;
  for (let number = 0; number < parts; number += 1) {
    if (everyMs > 0) await sleep(Math.max(0, startAt + number * everyMs - now()));
    yield { at: now(), text: ' token' };
  }
}
