import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, UsageAttempt } from '@tollgate/database';
import type { Drift } from '@tollgate/metering';
import type { SimulatedCall } from '@tollgate/testing';
import type { Acknowledged } from './metering-chaos-load.js';

const SETTLED_WITHIN_MS = 60_000;

/** How the ledger compares with what the provider logged and what clients were told. All but the counts of good rows must be 0. */
export interface Verdict {
  'calls at the provider': number;
  'attempts in the ledger': number;
  'settled by their process': number;
  'settled as lost, by billing': number;
  'corrected late': number;
  /** Their process died between the commit and the call. They are charged nothing. */
  'of lost ones, never arrived': number;
  'acknowledged answers': number;
  problems: string[];
}

/** Waits until billing has ended every hold, then compares. */
export async function judge(
  database: Database,
  drift: Drift,
  calls: readonly SimulatedCall[],
  acknowledged: readonly Acknowledged[],
): Promise<Verdict> {
  const problems: string[] = [];
  const giveUpAt = Date.now() + SETTLED_WITHIN_MS;
  while ((await database.hold.count()) > 0 && Date.now() < giveUpAt) await sleep(200);
  const holds = await database.hold.count();
  if (holds > 0) problems.push(`${holds} holds are left`);
  for (const [counter, difference] of Object.entries(await drift.measure())) {
    if (difference !== 0) problems.push(`${counter} differs from its rows by ${difference}`);
  }

  const rows = await database.usageAttempt.findMany();
  const attempts = rows.filter(({ entry }) => entry === 'attempt');
  const neverArrived = compareWithProvider(attempts, calls, problems);
  compareWithClients(rows, acknowledged, problems);
  return {
    'calls at the provider': calls.length,
    'attempts in the ledger': attempts.length,
    'settled by their process': attempts.filter(({ outcome }) => outcome !== 'lost').length,
    'settled as lost, by billing': attempts.filter(({ outcome }) => outcome === 'lost').length,
    'corrected late': rows.filter(({ entry }) => entry === 'restatement').length,
    'of lost ones, never arrived': neverArrived,
    'acknowledged answers': acknowledged.length,
    problems,
  };
}

/** Every call has its row. A row without a call is one of which nobody can know whether it was sent, and costs the customer nothing. */
function compareWithProvider(
  attempts: readonly UsageAttempt[],
  calls: readonly SimulatedCall[],
  problems: string[],
): number {
  const callsOf = grouped(calls, ({ requestHeaders }) => requestHeaders['x-request-id'] ?? 'none');
  const attemptsOf = grouped(attempts, ({ requestId }) => requestId);
  for (const [requestId, { length }] of callsOf) {
    const recorded = attemptsOf.get(requestId)?.length ?? 0;
    if (recorded < length) problems.push(`${requestId}: ${length} calls at the provider, ${recorded} in the ledger`);
  }
  let neverArrived = 0;
  for (const [requestId, recorded] of attemptsOf) {
    const surplus = recorded.length - (callsOf.get(requestId)?.length ?? 0);
    if (surplus <= 0) continue;
    const unknown = recorded.filter(
      ({ outcome, chargeMicroUsd, isCounted }) => outcome === 'lost' && !isCounted && chargeMicroUsd === 0n,
    );
    if (unknown.length < surplus) problems.push(`${requestId}: ${surplus} attempts that the provider knows nothing of`);
    neverArrived += surplus;
  }
  return neverArrived;
}

/** What a client was told stands in the ledger to the token. */
function compareWithClients(
  rows: readonly UsageAttempt[],
  acknowledged: readonly Acknowledged[],
  problems: string[],
): void {
  const rowsOf = grouped(rows, ({ requestId }) => requestId);
  for (const { requestId, tokens } of acknowledged) {
    const own = rowsOf.get(requestId) ?? [];
    const completed = own.filter(({ outcome }) => outcome === 'completed');
    const sum = completed.reduce((total, row) => total + row.tokensInput + row.tokensOutput, 0);
    if (completed.length !== 1 || sum !== tokens || completed[0]?.usageSource !== 'provider') {
      problems.push(
        `${requestId}: the client was told ${tokens} tokens, the ledger has ${sum} in ${completed.length} rows`,
      );
    }
  }
}

function grouped<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
