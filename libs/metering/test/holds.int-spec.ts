import { failureOf, eventually } from '@tollgate/testing';
import { completed, startMetering, type MeteringUnderTest, type Replica } from './metering-under-test.js';

let metering: MeteringUnderTest;
let second: Replica;

beforeAll(async () => {
  metering = await startMetering();
  second = metering.newReplica();
});
afterAll(() => metering.stop());
afterEach(() => metering.assertNoDrift());

describe('a budget', () => {
  it('for 10 admits exactly 10 of 1,000 concurrent calls over two replicas, and tells the others why not', async () => {
    const owner = await metering.newAccount(await metering.newPlan({ tokens: 1_050 }));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 1_000 }, async (_, index) => {
        const replica = index % 2 === 0 ? metering : second;
        const hold = await replica.holds.take(metering.newHold(owner));
        await replica.ledger.settle(hold, completed());
      }),
    );
    const refusals = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason);
    expect(refusals).toHaveLength(990);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({
        code: 'insufficient_quota',
        retryable: false,
        details: {
          limit_name: 'tokens_month',
          limit: 1_050,
          asked: 100,
          resets_at: expect.stringMatching(/T00:00:00/),
        },
      });
    }
    const { month, day } = await metering.usage.forAccount(owner.accountId);
    expect(month).toMatchObject({ totalTokens: 1_000, inputTokens: 600, outputTokens: 400, heldTokens: 0 });
    expect(day).toMatchObject({ calls: 10, heldCalls: 0 });
    expect(await metering.database.usageAttempt.count({ where: owner })).toBe(10);
  });

  it('lets a smaller call in after a larger one that does not fit', async () => {
    const owner = await metering.newAccount(await metering.newPlan({ tokens: 100 }));
    const [large, small] = await Promise.allSettled([
      metering.holds.take(metering.newHold(owner, { tokensOutputMax: 41 })),
      metering.holds.take(metering.newHold(owner, { tokensOutputMax: 40 })),
    ]);
    expect([large.status, small.status]).toEqual(['rejected', 'fulfilled']);
    if (small.status === 'fulfilled') await metering.holds.release(small.value);
  });

  it('is free for the next call as soon as the one before it ends, also when both are asked for at once', async () => {
    const owner = await metering.newAccount(await metering.newPlan({ tokens: 100 }));
    const held = await metering.holds.take(metering.newHold(owner));
    const [, next] = await Promise.all([metering.holds.release(held), metering.holds.take(metering.newHold(owner))]);
    await metering.holds.release(next);
  });

  it('that is billed beyond what it includes ends at its hard cap', async () => {
    const owner = await metering.newAccount(await metering.newPlan({ tokens: 100, hardCap: 250 }));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, async () =>
        metering.ledger.settle(await metering.holds.take(metering.newHold(owner)), completed()),
      ),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
  });

  it('is that of the plan as it is when the hold is taken, on every replica', async () => {
    const owner = await metering.newAccount(await metering.newPlan({ tokens: 0 }));
    const [larger, none] = await Promise.all([metering.newPlan({ tokens: 300 }), metering.newPlan({ tokens: 0 })]);
    const change = (planCode: string) =>
      metering.database.account.update({ where: { id: owner.accountId }, data: { planCode } });
    const take = async (replica: Replica) => {
      const hold = await replica.holds.take(metering.newHold(owner));
      await replica.holds.release(hold);
      return hold.tier;
    };
    expect((await failureOf(take(second))).code).toBe('insufficient_quota');
    await change(larger);
    expect(await Promise.all([take(metering), take(second)])).toEqual([larger, larger]);
    await change(none);
    expect((await failureOf(take(second))).code).toBe('insufficient_quota');
    const history = await metering.database.subscription.findMany({
      where: { accountId: owner.accountId },
      orderBy: { startsAt: 'asc' },
    });
    expect(history.map(({ endsAt }) => endsAt)).toEqual([history[1]?.startsAt, history[2]?.startsAt, null]);
  });

  it('of calls counts a client request once, however many completions and attempts it takes', async () => {
    const owner = await metering.newAccount(await metering.newPlan({ tokens: 1_000_000, calls: 2 }));
    const requests = Array.from({ length: 4 }, () => metering.newHold(owner).requestId);
    const outcomes = await Promise.allSettled(
      requests.flatMap((requestId) =>
        [1, 2, 3].map(async () => metering.holds.take(metering.newHold(owner, { requestId }))),
      ),
    );
    const holds = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(holds).toHaveLength(6);
    expect((await metering.usage.forAccount(owner.accountId)).day).toMatchObject({ calls: 0, heldCalls: 2 });
    await Promise.all(holds.map((hold) => metering.ledger.settle(hold, completed())));
    expect((await metering.usage.forAccount(owner.accountId)).day).toMatchObject({ calls: 2, heldCalls: 0 });
  });

  it('is as it was after calls that were released or failed', async () => {
    const owner = await metering.newAccount(await metering.newPlan({ tokens: 100, calls: 1 }));
    for (let round = 0; round < 3; round++) {
      await metering.holds.release(await metering.holds.take(metering.newHold(owner)));
      const failed = await metering.holds.take(metering.newHold(owner));
      await metering.ledger.settle(failed, completed({ outcome: 'failed', errorCode: 'provider_error' }));
    }
    const { month, day } = await metering.usage.forAccount(owner.accountId);
    expect([month.totalTokens, month.heldTokens, day.calls, day.heldCalls]).toEqual([0, 0, 0, 0]);
    expect(await metering.database.usageAttempt.findMany({ where: owner })).toEqual(
      Array.from({ length: 3 }, () =>
        expect.objectContaining({ chargeMicroUsd: 0n, providerCostMicroUsd: 33n, isCounted: false }),
      ),
    );
  });
});

describe('a hold', () => {
  it('of an unknown account is refused, and the others of its batch are not', async () => {
    const owner = await metering.newAccount();
    const stranger = { accountId: owner.userId, userId: owner.userId };
    const [ours, theirs] = await Promise.allSettled([
      metering.holds.take(metering.newHold(owner)),
      metering.holds.take(metering.newHold(stranger)),
    ]);
    expect([ours.status, theirs.status]).toEqual(['fulfilled', 'rejected']);
    if (ours.status === 'fulfilled') await metering.holds.release(ours.value);
  });

  it('that is taken, settled and released again and again has its effects once', async () => {
    const owner = await metering.newAccount();
    const request = metering.newHold(owner);
    const holds = await Promise.all([metering, second, metering].map(({ holds }) => holds.take(request)));
    const effects = await Promise.all(
      holds.flatMap((hold) => [metering, second].map(({ ledger }) => ledger.settle(hold, completed()))),
    );
    await Promise.all(holds.map((hold) => second.holds.release(hold)));
    expect(effects).toContain('recorded');
    expect(await metering.database.usageAttempt.count({ where: owner })).toBe(1);
    expect((await metering.usage.forAccount(owner.accountId)).month).toMatchObject({ totalTokens: 100, heldTokens: 0 });
  });

  it('is on record as dispatched when the provider may be called', async () => {
    const owner = await metering.newAccount();
    const key = ({ callId, attemptNumber }: { callId: string; attemptNumber: number }) => ({
      where: { callId_attemptNumber: { callId, attemptNumber } },
    });
    const [sent, waiting] = await Promise.all([
      metering.holds.take(metering.newHold(owner)),
      metering.holds.take(metering.newHold(owner, { isDispatched: false })),
    ]);
    expect((await metering.database.hold.findUnique(key(sent)))?.dispatchedAt).not.toBeNull();
    expect((await metering.database.hold.findUnique(key(waiting)))?.dispatchedAt).toBeNull();
    await metering.holds.markDispatched(waiting);
    expect((await metering.database.hold.findUnique(key(waiting)))?.dispatchedAt).not.toBeNull();
    await Promise.all([sent, waiting].map((hold) => metering.holds.release(hold)));
    expect((await failureOf(metering.holds.markDispatched(waiting))).code).toBe('unavailable');
  });
});

describe('a lapsed hold', () => {
  it('is settled as lost with what was generated, released when nothing was sent, and by one of many', async () => {
    const dying = metering.newReplica(600);
    const owner = await metering.newAccount();
    const [streaming, silent, waiting] = await Promise.all([
      dying.holds.take(metering.newHold(owner)),
      dying.holds.take(metering.newHold(owner)),
      dying.holds.take(metering.newHold(owner, { isDispatched: false })),
    ]);
    const stop = dying.live.keep(streaming, () => 7);
    await eventually(
      () => metering.database.hold.findMany({ where: { callId: streaming.callId } }),
      ([row]) => row?.tokensGenerated === 7,
    );
    stop();
    await eventually(
      async () => {
        await Promise.all([metering.lapsed.end(), second.lapsed.end(), dying.lapsed.end()]);
        return metering.database.hold.count({ where: { accountId: owner.accountId } });
      },
      (holds) => holds === 0,
    );
    const rows = await metering.database.usageAttempt.findMany({ where: owner, orderBy: { tokensOutput: 'desc' } });
    expect(rows).toMatchObject([
      {
        callId: streaming.callId,
        tokensInput: 60,
        tokensOutput: 7,
        outcome: 'lost',
        usageSource: 'estimate',
        isCounted: true,
      },
      {
        callId: silent.callId,
        tokensInput: 60,
        tokensOutput: 0,
        outcome: 'lost',
        chargeMicroUsd: 0n,
        isCounted: false,
      },
    ]);
    expect(rows.map(({ callId }) => callId)).not.toContain(waiting.callId);
    expect((await metering.usage.forAccount(owner.accountId)).month).toMatchObject({ totalTokens: 67, heldTokens: 0 });
  });

  it('does not lapse while its attempt runs', async () => {
    const replica = metering.newReplica(300);
    const hold = await replica.holds.take(metering.newHold(await metering.newAccount()));
    const stop = replica.live.keep(hold, () => 1);
    const until = Date.now() + 1_000;
    while (Date.now() < until) expect(await second.lapsed.end()).toEqual({ settled: 0, released: 0 });
    stop();
    await replica.ledger.settle(hold, completed());
  });

  it('that is settled late is corrected to the truth, once, in new rows', async () => {
    const dying = metering.newReplica(1);
    const owner = await metering.newAccount();
    const hold = await dying.holds.take(metering.newHold(owner));
    await eventually(
      () => metering.lapsed.end(),
      ({ settled }) => settled === 1,
    );
    const late = await Promise.all([metering, second].map(({ ledger }) => ledger.settle(hold, completed())));
    expect(late.toSorted()).toEqual(['none', 'restated']);
    const rows = await metering.database.usageAttempt.findMany({ where: owner, orderBy: { entryNumber: 'asc' } });
    expect(
      rows.map(({ entry, outcome, tokensInput, usageSource }) => [entry, outcome, tokensInput, usageSource]),
    ).toEqual([
      ['attempt', 'lost', 60, 'estimate'],
      ['reversal', 'lost', -60, 'estimate'],
      ['restatement', 'completed', 60, 'provider'],
    ]);
    const usage = await metering.usage.forAccount(owner.accountId);
    expect([usage.month.totalTokens, usage.day.calls]).toEqual([100, 1]);
  });
});
