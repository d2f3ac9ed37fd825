import { candidates, type CandidateQuery } from './candidates.js';

interface Model {
  id: string;
  provider: string;
  tiers: string[];
}

const models: Model[] = [
  { id: 'small', provider: 'local', tiers: ['free', 'pro'] },
  { id: 'default', provider: 'local', tiers: ['free', 'pro'] },
  { id: 'big', provider: 'cloud', tiers: ['pro'] },
  { id: 'bigger', provider: 'cloud', tiers: ['pro'] },
];

/** Each candidate as "id reason". */
function rank(tier: string, options: Partial<CandidateQuery<Model>> & { down?: string[] } = {}): string[] {
  const { down = [], ...query } = options;
  return candidates<Model>({
    models,
    locationOf: ({ provider }) => (provider === 'cloud' ? 'cloud' : 'local'),
    isAvailable: ({ id, provider }) => !down.includes(id) && !down.includes(provider),
    defaultModel: 'default',
    tier,
    lastResortCloud: true,
    ...query,
  }).map(({ model, reason }) => `${model.id} ${reason}`);
}

describe('the candidates', () => {
  it('of pro are the cloud models, then the local ones, the default one first', () => {
    expect(rank('pro')).toEqual(['big tier_cloud', 'bigger tier_cloud', 'default tier_local', 'small tier_local']);
    expect(rank('pro', { down: ['cloud'] })).toEqual(['default tier_local', 'small tier_local']);
  });

  it('of free are the local models, then the cloud as the last resort, unless that is switched off', () => {
    expect(rank('free')).toEqual(['default tier_local', 'small tier_local', 'big last_resort', 'bigger last_resort']);
    expect(rank('free', { down: ['local'] })).toEqual(['big last_resort', 'bigger last_resort']);
    expect(rank('free', { down: ['local'], lastResortCloud: false })).toEqual([]);
  });

  it('begin with the model that was asked for; who stands in for it is a fallback', () => {
    expect(rank('pro', { requested: 'bigger' })[0]).toBe('bigger requested');
    expect(rank('pro', { requested: 'bigger', down: ['bigger'] })).toEqual([
      'big fallback',
      'default fallback',
      'small fallback',
    ]);
  });

  it('never put a cloud model, which costs, in place of a local one that was asked for', () => {
    expect(rank('pro', { requested: 'small' })).toEqual(['small requested', 'default fallback']);
    expect(rank('free', { requested: 'small', down: ['local'] })).toEqual([]);
  });

  it('are refused by name: what the plan does not include, and what does not exist', () => {
    expect(() => rank('free', { requested: 'big' })).toThrow(expect.objectContaining({ code: 'model_not_allowed' }));
    expect(() => rank('pro', { requested: 'none' })).toThrow(expect.objectContaining({ code: 'model_not_found' }));
  });
});
