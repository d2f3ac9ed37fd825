// `pnpm chaos:metering [--kills 100]`; see the README. Exits with 1 when the ledger is not what the provider and the clients say.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Database } from '@tollgate/database';
import { Drift } from '@tollgate/metering';
import { ChaosLoad } from './metering-chaos-load.js';
import { ChaosStack, killable, type Killable } from './metering-chaos-stack.js';
import { judge, type Verdict } from './metering-chaos-verdict.js';

const QUIET_BEFORE_KILL_MS = 1_500;

const { values: flags } = parseArgs({ options: { kills: { type: 'string', default: '100' } } });
const kills = Number(flags.kills);

const stack = await ChaosStack.start();
const database = new Database({ url: stack.databaseUrl });
try {
  const verdict = await run();
  print(verdict);
  if (verdict.problems.length > 0) process.exitCode = 1;
} finally {
  await database.onApplicationShutdown();
  await stack.stop();
}

async function run(): Promise<Verdict> {
  const load = new ChaosLoad(stack.gatewayUrl);
  await load.start();
  const killed = new Map<Killable, number>();
  for (let kill = 0; kill < kills; kill++) {
    await sleep(Math.random() * QUIET_BEFORE_KILL_MS);
    // Each in turn, so that five kills meet all of them.
    const name = killable[kill % killable.length] ?? 'llm-router';
    await stack.kill(name, Math.random());
    killed.set(name, (killed.get(name) ?? 0) + 1);
  }
  await sleep(QUIET_BEFORE_KILL_MS);
  await load.stop();
  console.log(`killed: ${[...killed].map(([name, times]) => `${name} ${times} ×`).join(', ')}`);
  console.log(`clients: ${load.acknowledged.length} answered, ${load.abandoned} left, ${load.failed} failed`);
  return judge(database, new Drift(database), stack.simulator.calls(), load.acknowledged);
}

function print({ problems, ...counts }: Verdict): void {
  for (const [name, count] of Object.entries(counts)) console.log(`${name.padEnd(30)} ${String(count).padStart(8)}`);
  for (const problem of problems) console.log(`PROBLEM: ${problem}`);
  console.log(problems.length === 0 ? 'Every call is in the ledger, once.' : `${problems.length} problems`);
}
