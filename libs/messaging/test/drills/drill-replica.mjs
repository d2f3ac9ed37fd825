// A replica of a service under drill: a process of its own, on the compiled libs. Started by drill.ts.
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Handle, Messages, RedisStreamsServer } from '@tollgate/messaging';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, Payload } from '@nestjs/microservices';
import { contractsOf } from './drill-contracts.mjs';
import { logger, memory, now, options, serveCommands } from './drill-process.mjs';

/** @import { MessageContext } from '@tollgate/messaging' */

const { redisUrl, service, name, slots, queueMax, version } = options;
const contracts = contractsOf(service, version);
const messages = new Messages({ redisUrl, queueMax, timeoutMs: 60_000 }, logger);

// A file, not IPC: what was written before a kill -9 is in it, and one short write to the end of a file is whole.
const journal = openSync(options.journal, 'a');
/** @param {'start' | 'end' | 'abort'} event @param {number} n */
const record = (event, n) => writeSync(journal, `${event} ${name} ${n} ${now()}\n`);

/** Records start and end of what runs in between. @template T @param {number} n @param {AbortSignal} signal @param {() => Promise<T>} run */
async function recorded(n, signal, run) {
  record('start', n);
  signal.addEventListener('abort', () => record('abort', n), { once: true });
  try {
    return await run();
  } finally {
    record('end', n);
  }
}

class Handlers {
  /** @param {{ n: number, ms: number }} input @param {MessageContext} context */
  work({ n, ms }, { signal }) {
    return recorded(n, signal, async () => {
      await sleep(ms, undefined, { signal });
      return { n, by: name };
    });
  }

  /** @param {{ n: number, ms: number }} input @param {MessageContext} context */
  workAgain(input, context) {
    return this.work(input, context);
  }

  /** @param {{ n: number }} input */
  die({ n }) {
    record('start', n);
    process.kill(process.pid, 'SIGKILL');
  }

  /** @param {{ n: number, parts: number, bytes: number, everyMs: number }} input @param {MessageContext} context */
  async *count({ n, parts, bytes, everyMs }, { signal }) {
    record('start', n);
    signal.addEventListener('abort', () => record('abort', n), { once: true });
    try {
      const text = 'x'.repeat(bytes);
      for (let i = 0; i < parts; i += 1) {
        yield { i, text };
        if (everyMs > 0) await sleep(everyMs, undefined, { signal });
      }
    } finally {
      record('end', n);
    }
  }

  /** @param {{ to: string, n: number, parts: number, bytes: number, everyMs: number }} input */
  forward({ to, ...input }) {
    return messages.stream(contractsOf(to).count, input);
  }

  /** @param {{ name: string, title?: string }} input */
  greet({ name, title }) {
    const text = [title, name].filter(Boolean).join(' ');
    return { text, length: text.length };
  }
}

// Decorators by hand.
for (const [method, contract] of Object.entries(contracts)) {
  const descriptor = Object.getOwnPropertyDescriptor(Handlers.prototype, method) ?? {};
  Payload()(Handlers.prototype, method, 0);
  Ctx()(Handlers.prototype, method, 1);
  Handle(contract)(Handlers.prototype, method, descriptor);
}
Controller()(Handlers);
class ReplicaModule {}
Module({ controllers: [Handlers] })(ReplicaModule);

await messages.onModuleInit();
const strategy = new RedisStreamsServer(
  { redisUrl, service, contracts: Object.values(contracts), slots, drainTimeoutMs: 60_000 },
  logger,
);
const app = await NestFactory.createMicroservice(ReplicaModule, { strategy, logger: false, abortOnError: false });
await app.listen();

async function stop() {
  await app.close();
  await messages.onApplicationShutdown();
  process.exit(0);
}
process.once('SIGTERM', () => void stop());
serveCommands({ memory });
