import type { Candidate } from '../catalogue/candidates.js';
import { failureOfStatus, ProviderFailure } from '../providers/provider-failure.js';
import { AttemptPlan } from './attempt-plan.js';

interface Model {
  id: string;
  provider: string;
}

const candidate = (id: string, provider: string, reason: Candidate<Model>['reason'] = 'tier_local') => ({
  model: { id, provider },
  reason,
});
const cloud = candidate('big', 'cloud', 'tier_cloud');
const small = candidate('small', 'local');
const tiny = candidate('tiny', 'local');
const lastResort = candidate('big', 'cloud', 'last_resort');

const failed = (status: number, retryAfterMs?: number) =>
  new ProviderFailure('The provider "p" failed.', { ...failureOfStatus(status), retryAfterMs });
const idsOf = (candidates: Candidate<Model>[]) => candidates.map(({ model }) => model.id);

describe('the attempts of a request', () => {
  it('go down the list, each model once before one is asked again', () => {
    const plan = new AttemptPlan<Model>();
    expect(plan.worthTrying([cloud, small])).toEqual([cloud, small]);
    plan.failed(cloud.model, failed(500));
    expect(plan.worthTrying([cloud, small])).toEqual([{ ...small, reason: 'fallback' }, cloud]);
    plan.failed(small.model, failed(500));
    expect(idsOf(plan.worthTrying([cloud, small]))).toEqual(['big', 'small']);
  });

  it('are three at most, over all models', () => {
    const plan = new AttemptPlan<Model>();
    for (const { model } of [cloud, small]) plan.failed(model, failed(500));
    expect(plan.isOver).toBe(false);
    plan.failed(tiny.model, failed(504));
    expect(plan.isOver).toBe(true);
    expect(plan.error()).toMatchObject({
      code: 'provider_error',
      details: {
        category: 'max_retries_exceeded',
        failed_attempts: [{ category: 'api_error' }, { category: 'api_error' }, { category: 'timeout' }],
      },
    });
  });

  it('prefer in the last one a provider that has not failed, the last resort included', () => {
    const plan = new AttemptPlan<Model>();
    const all = [small, tiny, candidate('third', 'local'), lastResort];
    plan.failed(small.model, failed(500));
    expect(idsOf(plan.worthTrying(all))[0]).toBe('tiny');
    plan.failed(tiny.model, failed(500));
    expect(plan.worthTrying(all)[0]).toEqual(lastResort);
  });

  it('end at once when the request was refused', () => {
    const plan = new AttemptPlan<Model>();
    plan.failed(cloud.model, failed(400));
    expect(plan.isOver).toBe(true);
    expect(plan.error()).toMatchObject({ code: 'invalid_request', details: { category: 'api_error' } });
  });

  it('never ask a model again that fails for everybody', () => {
    const plan = new AttemptPlan<Model>();
    plan.failed(cloud.model, failed(401));
    expect(plan.worthTrying([cloud])).toEqual([]);
    expect(plan.error()).toMatchObject({ code: 'provider_error', details: { category: 'api_error' } });
  });

  it('wait only for a provider that has failed: longer each time, with full jitter, and as long as it wished', () => {
    const waits = [0, 1].map((random) => {
      const plan = new AttemptPlan<Model>(() => random);
      plan.failed(small.model, failed(500));
      const first = [plan.waitMs(cloud.model), plan.waitMs(tiny.model)];
      plan.failed(tiny.model, failed(503, 3_000));
      return [...first, plan.waitMs(small.model), plan.waitMs(tiny.model)];
    });
    expect(waits).toEqual([
      [0, 0, 0, 3_000],
      [0, 200, 400, 3_000],
    ]);
  });
});
