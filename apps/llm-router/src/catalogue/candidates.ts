import { AppError } from '@tollgate/contracts';

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
  /** May cloud models serve plans that do not include them when nothing else is there? */
  lastResortCloud: boolean;
}

/**
 * The models to try, best first: the one asked for, then the plan's cloud models, then its local ones (the default one
 * before the others), and cloud models for everyone as the last resort.
 *
 * Who asks for a local model has chosen what it costs: only other local ones stand in for it.
 *
 * Raises `model_not_found`, `model_not_allowed` or `no_model_available`.
 */
export function candidates<Model extends Rankable>(query: CandidateQuery<Model>): [Model, ...Model[]] {
  const { models, locationOf, isAvailable, defaultModel, tier, requested, lastResortCloud } = query;
  const asked = requested === undefined ? undefined : findAllowed(models, requested, tier);
  const mayUseCloud = asked === undefined || locationOf(asked) === 'cloud';

  const available = models.filter(isAvailable);
  const cloudModels = mayUseCloud ? available.filter((model) => locationOf(model) === 'cloud') : [];
  const local = available.filter((model) => locationOf(model) === 'local' && model.tiers.includes(tier));
  local.sort((a, b) => Number(b.id === defaultModel) - Number(a.id === defaultModel));
  const ranked = [...cloudModels.filter((model) => model.tiers.includes(tier)), ...local];
  if (ranked.length === 0 && lastResortCloud) ranked.push(...cloudModels);

  const [first, ...others] =
    asked && ranked.includes(asked) ? [asked, ...ranked.filter((model) => model !== asked)] : ranked;
  if (first) return [first, ...others];
  throw new AppError('no_model_available', `No model of the plan "${tier}" can be reached now.`, {
    retryAfterSeconds: 10,
  });
}

function findAllowed<Model extends Rankable>(models: readonly Model[], id: string, tier: string): Model {
  const model = models.find((candidate) => candidate.id === id);
  if (!model) throw new AppError('model_not_found', `The model "${id}" does not exist.`, { param: 'model' });
  if (model.tiers.includes(tier)) return model;
  throw new AppError('model_not_allowed', `The model "${id}" is not part of the plan "${tier}".`, { param: 'model' });
}
