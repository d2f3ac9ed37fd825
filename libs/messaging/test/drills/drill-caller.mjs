// A process that calls services under drill. Started by drill.ts.
import { setTimeout as sleep } from 'node:timers/promises';
import { isAppError } from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { contractsOf } from './drill-contracts.mjs';
import { logger, memory, now, options, serveCommands } from './drill-process.mjs';

/**
 * How a request ended: `ok` when its one answer came, whole and its own; else the code of the AppError, or what it was
 * instead of one.
 * @typedef {{ n: number, code: string, message?: string, started?: boolean, by?: string, parts?: number, bytes?: number, sentAt: number, firstPartAt?: number, endedAt: number }} Outcome
 */

const { redisUrl, service, queueMax, version } = options;
const contracts = contractsOf(service, version);
const messages = new Messages({ redisUrl, queueMax, timeoutMs: 60_000 }, logger);
await messages.onModuleInit();

/** @param {number} n @param {() => Promise<Partial<Outcome>>} run @returns {Promise<Outcome>} */
async function outcomeOf(n, run) {
  const sentAt = now();
  try {
    return { n, code: 'ok', sentAt, ...(await run()), endedAt: now() };
  } catch (error) {
    const endedAt = now();
    if (!isAppError(error)) return { n, code: `not an AppError: ${String(error)}`, sentAt, endedAt };
    const { code, message, details } = error;
    return { n, code, message, started: /** @type {any} */ (details)?.started, sentAt, endedAt };
  }
}

/** @param {{ contract: 'work' | 'workAgain' | 'die', n: number, ms: number, timeoutMs: number }} input */
function send({ contract, n, ms, timeoutMs }) {
  return outcomeOf(n, async () => {
    const answer = await messages.send(contracts[contract], { n, ms }, { timeoutMs });
    return { by: answer.by, code: answer.n === n ? 'ok' : `the answer of ${answer.n}` };
  });
}

/** @param {{ n: number, to?: string, parts: number, bytes: number, everyMs: number, timeoutMs: number, bytesPerSecond?: number, leaveAfter?: number }} input */
function read({ n, to, parts, bytes, everyMs, timeoutMs, bytesPerSecond, leaveAfter = Infinity }) {
  return outcomeOf(n, async () => {
    const input = { n, parts, bytes, everyMs };
    const stream = to
      ? messages.stream(contracts.forward, { to, ...input }, { timeoutMs })
      : messages.stream(contracts.count, input, { timeoutMs });
    const startedAt = now();
    const seen = { parts: 0, bytes: 0, firstPartAt: 0 };
    for await (const { i, text } of stream) {
      if (i !== seen.parts) return { ...seen, code: `part ${i} after ${seen.parts} parts` };
      seen.firstPartAt ||= now();
      seen.parts += 1;
      seen.bytes += text.length;
      if (seen.parts === leaveAfter) return { ...seen, code: 'left' };
      if (bytesPerSecond) {
        const aheadMs = (seen.bytes / bytesPerSecond) * 1_000 - (now() - startedAt);
        if (aheadMs > 20) await sleep(aheadMs);
      }
    }
    return { ...seen, code: seen.parts === parts ? 'ok' : `ended after ${seen.parts} of ${parts} parts` };
  });
}

let isStopped = false;

/**
 * Requests (or streams, when they have parts) from number `first` on: `count` of them, all at once or one every
 * `everyMs`, without a count until `stop`. A request works for `msMin` to `msMax`.
 * @param {{ first?: number, count?: number, everyMs?: number, contract?: 'work' | 'workAgain' | 'die', msMin?: number, msMax?: number, timeoutMs: number, parts?: Omit<Parameters<typeof read>[0], 'n' | 'timeoutMs'> }} input
 */
async function load({
  first = 0,
  count = Infinity,
  everyMs = 0,
  contract = 'work',
  msMin = 0,
  msMax = msMin,
  timeoutMs,
  parts,
}) {
  isStopped = false;
  const outcomes = [];
  const startedAt = now();
  for (let index = 0; index < count && !isStopped; index += 1) {
    const n = first + index;
    const ms = msMin + ((n * 7_919) % (msMax - msMin + 1));
    outcomes.push(parts ? read({ n, timeoutMs, ...parts }) : send({ contract, n, ms, timeoutMs }));
    const aheadMs = (index + 1) * everyMs - (now() - startedAt);
    if (aheadMs > 0) await sleep(aheadMs);
  }
  return Promise.all(outcomes);
}

serveCommands({
  memory,
  read,
  load,
  stop: () => {
    isStopped = true;
  },
  greet: (input) => messages.send(contracts.greet, input),
});
