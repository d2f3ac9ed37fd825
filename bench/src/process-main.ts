// A measured process: the server or the client of one contender. See bench-process.ts for what it is told.
import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import type { AnswerMessage, OrderMessage, Orders } from './bench-process.js';
import { contenders, type ClientSide, type Contender, type ServerSide } from './contender.js';
import { loadRequests, loadStreams } from './load.js';

Logger.overrideLogger(false); // Nest's clients log by themselves.

let server: ServerSide | undefined;
let client: ClientSide | undefined;

async function start({ role, contender, redisUrl }: Orders['start']['order']): Promise<void> {
  const transport: Contender = await contenders[contender].load();
  if (role === 'server') server = await transport.startServer(redisUrl);
  else client = await transport.startClient(redisUrl);
}

function clientSide(): ClientSide {
  if (!client) throw new Error('only a client makes load');
  return client;
}

function usage(): Orders['usage']['answer'] {
  const { user, system } = process.cpuUsage();
  globalThis.gc?.();
  return { cpuMicros: user + system, heapBytes: process.memoryUsage().heapUsed };
}

async function obey(message: OrderMessage): Promise<unknown> {
  switch (message.name) {
    case 'start':
      return start(message.order as Orders['start']['order']);
    case 'requests':
      return loadRequests(clientSide(), message.order as Orders['requests']['order']);
    case 'streams':
      return loadStreams(clientSide(), message.order as Orders['streams']['order']);
    case 'usage':
      return usage();
    case 'stop':
      return (server ?? clientSide()).close();
    default:
      return message.name satisfies never;
  }
}

process.on('message', (message: OrderMessage) => {
  void obey(message)
    .then(
      (answer): AnswerMessage => ({ answer: answer ?? null }),
      (error: Error): AnswerMessage => ({ error: error.stack ?? String(error) }),
    )
    .then((answer) => process.send?.(answer, () => message.name === 'stop' && process.exit()));
});
// The bench was killed.
process.on('disconnect', () => process.exit());
