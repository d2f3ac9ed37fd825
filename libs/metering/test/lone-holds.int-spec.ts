import { v7 as uuidv7 } from 'uuid';
import type { HoldEndEffect } from '../src/hold-end.js';
import type { Hold, HoldRequest } from '../src/index.js';
import { completed, startMetering, type MeteringUnderTest, type Owner } from './metering-under-test.js';

let metering: MeteringUnderTest;

beforeAll(async () => {
  metering = await startMetering();
});
afterAll(() => metering.stop());
afterEach(() => metering.assertNoDrift());

/** Carries out steps one after the other, each alone in its batch, or all at once in one batch. */
type Runner = <Result>(steps: readonly (() => Promise<Result>)[]) => Promise<PromiseSettledResult<Result>[]>;

const alone: Runner = async (steps) => {
  const results = [];
  for (const step of steps) results.push(...(await Promise.allSettled([step()])));
  return results;
};
const together: Runner = (steps) => Promise.allSettled(steps.map((step) => step()));

/** Takes and ends holds of a new account with room for 400 tokens and 3 calls, and tells all that came of it. */
async function story(run: Runner) {
  const owner = await metering.newAccount(await metering.newPlan({ tokens: 400, calls: 3 }));
  const [first, second] = [uuidv7(), uuidv7()];
  const callId = uuidv7();
  const asked = [
    metering.newHold(owner, { requestId: first, callId }),
    metering.newHold(owner, { requestId: first, callId, attemptNumber: 2 }), // another attempt of the same request
    metering.newHold(owner, { requestId: first, callId }), // said again
    metering.newHold(owner, { requestId: second }),
    metering.newHold(owner, { tokensInput: 300 }), // more tokens than there are
    metering.newHold(owner, { tokensInput: 1, tokensOutputMax: 0 }),
    metering.newHold(owner, { tokensInput: 1, tokensOutputMax: 0 }), // the fourth call
    metering.newHold(owner, { requestId: second, tokensInput: 1, tokensOutputMax: 0 }),
  ];
  await metering.holds.release(await metering.holds.take(metering.newHold(owner))); // Its windows are there.
  const admissions = await takeAll(run, asked);
  const afterHolds = await standing(owner);

  const holds = admissions.flatMap((admission) => (admission.status === 'fulfilled' ? [admission.value] : []));
  const [one, another, , other, small, more] = holds;
  if (!one || !another || !other || !small || !more) throw new Error('a hold was refused');
  const failed = completed({ outcome: 'failed', errorCode: 'provider_error' });
  const effects = await run<HoldEndEffect | void>([
    () => metering.ledger.settle(one, failed),
    () => metering.ledger.settle(another, completed()),
    () => metering.ledger.settle(other, failed),
    () => metering.ledger.settle(small, completed({ tokens: { input: 1, cached: 0, output: 0 } })),
    () => metering.holds.release(more),
  ]);
  return {
    verdicts: admissions.map((admission) =>
      admission.status === 'fulfilled' ? 'admitted' : details(admission.reason),
    ),
    afterHolds,
    effects,
    repeated: await run([() => metering.ledger.settle(another, completed())]),
    afterEnds: await standing(owner),
    rows: await rowsOf(owner),
  };
}

function takeAll(run: Runner, asked: readonly HoldRequest[]): Promise<PromiseSettledResult<Hold>[]> {
  return run(asked.map((request) => () => metering.holds.take(request)));
}

function details(error: unknown): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, 'details') : error;
}

async function standing({ accountId }: Owner) {
  return metering.database.usageWindow.findMany({
    where: { accountId },
    omit: { accountId: true },
    orderBy: [{ kind: 'asc' }, { startsOn: 'asc' }],
  });
}

async function rowsOf(owner: Owner) {
  const rows = await metering.database.usageAttempt.findMany({
    where: owner,
    orderBy: [{ tokensOutput: 'asc' }, { outcome: 'asc' }, { attemptNumber: 'asc' }],
  });
  return rows.map(({ outcome, attemptNumber, tokensInput, tokensOutput, isCounted, chargeMicroUsd }) => {
    return { outcome, attemptNumber, tokensInput, tokensOutput, isCounted, chargeMicroUsd };
  });
}

describe('what is asked of the ledger', () => {
  it('comes to the same alone as in a batch: what is admitted, refused, said again, failed, settled and released', async () => {
    const one = await story(alone);
    expect(one).toEqual(await story(together));
    expect(one.verdicts.filter((verdict) => verdict === 'admitted')).toHaveLength(6);
    expect(one.rows).toHaveLength(4);
  });

  it('moves the same windows when it spans two days', async () => {
    const days = [new Date('2026-03-14T23:59:59Z'), new Date('2026-03-15T00:00:01Z')];
    const spent = async (run: Runner) => {
      const owner = await metering.newAccount();
      const requests = days.flatMap((at) => [metering.newHold(owner, { at }), metering.newHold(owner, { at })]);
      const admissions = await takeAll(run, requests);
      await run(
        admissions.flatMap((admission) =>
          admission.status === 'fulfilled' ? [() => metering.ledger.settle(admission.value, completed())] : [],
        ),
      );
      return standing(owner);
    };
    expect(await spent(alone)).toEqual(await spent(together));
  });
});
