import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ContenderName } from './contender.js';
import type { RequestFigures, RequestLoad, StreamFigures, StreamLoad } from './load.js';

/** What a measured process can be asked for, and what it answers. */
export interface Orders {
  start: { order: { role: 'server' | 'client'; contender: ContenderName; redisUrl: string }; answer: null };
  requests: { order: RequestLoad; answer: RequestFigures };
  streams: { order: StreamLoad; answer: StreamFigures };
  /** Microseconds of CPU that the process has used, and bytes of heap after a collection if it was started for that. */
  usage: { order: null; answer: { cpuMicros: number; heapBytes: number } };
  stop: { order: null; answer: null };
}

export type OrderName = keyof Orders;

export interface OrderMessage<Name extends OrderName = OrderName> {
  name: Name;
  order: Orders[Name]['order'];
}

export type AnswerMessage = { answer: unknown } | { error: string };

/** A process of one contender, its server or its client, which does one thing at a time as told over IPC. */
export class BenchProcess {
  private answered: (message: AnswerMessage) => void = () => undefined;

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (message: AnswerMessage) => this.answered(message));
    child.on('exit', (code) => this.answered({ error: `it ended with ${code}` }));
  }

  static async start(order: Orders['start']['order'], execArgv: string[] = []): Promise<BenchProcess> {
    const program = fileURLToPath(new URL('process-main.js', import.meta.url));
    // No variable of the shell, such as a log level or NODE_OPTIONS, gets into what is measured.
    const env = { PATH: process.env['PATH'], NODE_ENV: 'production' };
    const started = new BenchProcess(fork(program, { env, execArgv }));
    await started.ask('start', order);
    return started;
  }

  async ask<Name extends OrderName>(name: Name, order: Orders[Name]['order']): Promise<Orders[Name]['answer']> {
    const message = await new Promise<AnswerMessage>((resolve) => {
      this.answered = resolve;
      this.child.send({ name, order } satisfies OrderMessage<Name>);
    });
    if ('error' in message) throw new Error(`"${name}" failed in a bench process: ${message.error}`);
    return message.answer as Orders[Name]['answer'];
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit');
    await this.ask('stop', null);
    await ended;
  }
}
