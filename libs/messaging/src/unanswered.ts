import { once } from 'node:events';
import type { Redis } from 'ioredis';

/**
 * PUBLISH without an answer, as text for the socket of a connection: ioredis counts on one answer for each command that it
 * writes itself, and does not know of these. Only for what need not be known, or is learned from a later command.
 * RESP: https://redis.io/docs/latest/develop/reference/protocol-spec/; CLIENT REPLY SKIP leaves out its own answer and the next.
 */
export class Publication {
  private readonly head: string;

  constructor(readonly channel: string) {
    this.head = commandOf('CLIENT', 'REPLY', 'SKIP') + `*3\r\n${argumentOf('PUBLISH')}${argumentOf(channel)}`;
  }

  /** `frames`: JSON with commas between them. */
  of(frames: string): string {
    return `${this.head}$${Buffer.byteLength(frames) + 2}\r\n[${frames}]\r\n`;
  }
}

/** Resolves when what was written has left this process, or never will. */
export async function drained(stream: Redis['stream']): Promise<void> {
  if (!stream.writableNeedDrain) return;
  const controller = new AbortController();
  const { signal } = controller;
  await Promise.race([once(stream, 'drain', { signal }), once(stream, 'close', { signal })]).catch(() => undefined);
  controller.abort();
}

function commandOf(...words: string[]): string {
  return `*${words.length}\r\n${words.map(argumentOf).join('')}`;
}

function argumentOf(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}
