import { AppError, type ModelChoice } from '@tollgate/contracts';
import type { PriceVersion } from '@tollgate/database';
import { Prices } from '@tollgate/metering';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ProviderRegistry } from '../providers/provider-registry.service.js';
import { candidates, type Candidate, type CandidateQuery } from './candidates.js';
import type { ModelConfig, ModelsFile } from './models-file.js';

export const MODELS = Symbol('models.yaml');
export const ROUTING = Symbol('routing options');

export interface RoutingOptions {
  lastResortCloud: boolean;
}

/** A model with the price version in force when it was read. */
export type PricedModel = ModelConfig & { price: PriceVersion };
export type ModelCandidate = Candidate<PricedModel>;

/** For a client that is told that nothing is there. */
const TRY_AGAIN_SECONDS = 10;

/** The models of models.yaml with their price versions, and the choice among them. */
@Injectable()
export class Catalogue implements OnModuleInit {
  private models: readonly PricedModel[] = [];

  constructor(
    @Inject(MODELS) private file: ModelsFile,
    @Inject(ROUTING) private readonly routing: RoutingOptions,
    private readonly providers: ProviderRegistry,
    private readonly prices: Prices,
  ) {}

  onModuleInit(): Promise<void> {
    return this.use(this.file);
  }

  /** Makes this file the catalogue, with its prices published and its providers probed first. What runs keeps what it has. */
  async use(file: ModelsFile): Promise<void> {
    const versions = await this.prices.publish(
      file.models.map(({ id, provider, cost, charge }) => ({ model: id, provider, cost, charge })),
    );
    const priceOf = new Map(versions.map((version) => [version.model, version]));
    const models = file.models.map((model) => {
      const price = priceOf.get(model.id);
      if (!price) throw new Error(`the model ${model.id} has no price version`);
      return { ...model, price };
    });
    await this.providers.use(file.providers);
    this.models = models;
    this.file = file;
  }

  /** Best first. Empty when nothing is available now. Raises `model_not_found` or `model_not_allowed`. */
  candidates(tier: string, requested?: string): ModelCandidate[] {
    return candidates(this.query(tier, requested, (model) => this.providers.isAvailable(model)));
  }

  /** How long until the first model comes back that only cools down after a 429; undefined when there is none. */
  coolingMs(tier: string, requested?: string): number | undefined {
    const coolingMsOf = (model: PricedModel) => this.providers.coolingMsOf(model);
    const cooling = candidates(this.query(tier, requested, (model) => coolingMsOf(model) !== undefined));
    if (cooling.length === 0) return undefined;
    return Math.min(...cooling.map(({ model }) => coolingMsOf(model) ?? 0));
  }

  /** Raises `no_model_available`, with the time to wait where a provider said one. */
  refuse(tier: string, requested?: string): never {
    const coolingMs = this.coolingMs(tier, requested);
    throw new AppError('no_model_available', `No model of the plan "${tier}" can be reached now.`, {
      retryAfterSeconds: coolingMs === undefined ? TRY_AGAIN_SECONDS : Math.max(1, Math.ceil(coolingMs / 1000)),
    });
  }

  /** The first candidate, for callers who fit their prompt to it. */
  choose(tier: string, requested?: string): ModelChoice {
    const [first] = this.candidates(tier, requested);
    if (!first) return this.refuse(tier, requested);
    const { id, provider, contextLength, tokenizer } = first.model;
    return { model: id, provider, context_length: contextLength, tokenizer };
  }

  private query(
    tier: string,
    requested: string | undefined,
    isAvailable: (model: PricedModel) => boolean,
  ): CandidateQuery<PricedModel> {
    return {
      models: this.models,
      locationOf: ({ provider }) => this.file.providers[provider]?.location ?? 'cloud',
      isAvailable,
      defaultModel: this.file.defaultModel,
      tier,
      requested,
      lastResortCloud: this.routing.lastResortCloud,
    };
  }
}
