import { AppError, type ChoiceReason } from '@tollgate/contracts';

interface Rankable {
  id: string;
  provider: string;
  tiers: readonly string[];
}

export interface CandidateQuery<Model extends Rankable> {
  models: readonly Model[];
  locationOf: (model: Model) => 'local' | 'cloud';
  isAvailable: (model: Model) => boolean;
  defaultModel: string;
  tier: string;
  /** What the client asked for; it is tried first, and never replaced by a cloud model when it is a local one. */
  requested?: string | undefined;
  /** May cloud models serve plans that do not include them when nothing else can? */
  lastResortCloud: boolean;
}

export interface Candidate<Model> {
  model: Model;
  reason: ChoiceReason;
}

/**
 * The models to try, best first: the one asked for, then the plan's cloud models, then its local ones (the default one
 * before the others), and other cloud models as the last resort.
 *
 * Who asks for a local model has chosen what it costs: only other local ones stand in for it.
 *
 * Empty when nothing is available. Raises `model_not_found` or `model_not_allowed`.
 */
export function candidates<Model extends Rankable>(query: CandidateQuery<Model>): Candidate<Model>[] {
  const { models, locationOf, isAvailable, defaultModel, tier, requested, lastResortCloud } = query;
  const asked = requested === undefined ? undefined : findAllowed(models, requested, tier);
  const mayUseCloud = asked === undefined || locationOf(asked) === 'cloud';

  const others = models.filter((model) => model !== asked && isAvailable(model));
  const isOfTier = (model: Model) => model.tiers.includes(tier);
  const cloud = mayUseCloud ? others.filter((model) => locationOf(model) === 'cloud') : [];
  const local = others.filter((model) => locationOf(model) === 'local' && isOfTier(model));
  local.sort((a, b) => Number(b.id === defaultModel) - Number(a.id === defaultModel));

  const standIn = asked ? ('fallback' as const) : undefined;
  return [
    ...(asked && isAvailable(asked) ? [{ model: asked, reason: 'requested' as const }] : []),
    ...cloud.filter(isOfTier).map((model) => ({ model, reason: standIn ?? ('tier_cloud' as const) })),
    ...local.map((model) => ({ model, reason: standIn ?? ('tier_local' as const) })),
    ...(lastResortCloud ? cloud.filter((model) => !isOfTier(model)) : []).map((model) => ({
      model,
      reason: 'last_resort' as const,
    })),
  ];
}

function findAllowed<Model extends Rankable>(models: readonly Model[], id: string, tier: string): Model {
  const model = models.find((candidate) => candidate.id === id);
  if (!model) throw new AppError('model_not_found', `The model "${id}" does not exist.`, { param: 'model' });
  if (model.tiers.includes(tier)) return model;
  throw new AppError('model_not_allowed', `The model "${id}" is not part of the plan "${tier}".`, { param: 'model' });
}
