// What the two programs of the drills share: options on the command line, commands and answers over IPC.
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger, Logger } from '@tollgate/observability';

/** @typedef {{ redisUrl: string, service: string, name: string, journal: string, slots: number, queueMax: number, version: 'old' | 'new', logLevel: string }} Options */

/** @type {Options} */
export const options = JSON.parse(process.argv[2] ?? '{}');
export const logger = new Logger(createLogger(options.name, options.logLevel));

/**
 * Serves the test that started this process, and ends with it.
 * @param {Record<string, (input: any) => unknown>} commands
 */
export function serveCommands(commands) {
  process.on('disconnect', () => process.exit(1));
  /** @param {{ id: number, command: string, input: unknown }} message */
  const answer = async ({ id, command, input }) => {
    try {
      process.send?.({ id, value: await commands[command]?.(input) });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? error.stack : String(error) });
    }
  };
  process.on('message', (/** @type {any} */ message) => void answer(message));
  process.send?.({ ready: true });
}

/** In bytes, after a full collection. */
export async function memory() {
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc?.();
    await sleep(10);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, used: heapUsed + external };
}

/** Epoch milliseconds with fractions, comparable between the processes of a machine. */
export function now() {
  return performance.timeOrigin + performance.now();
}
