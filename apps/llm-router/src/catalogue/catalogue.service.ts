import type { ModelChoice } from '@tollgate/contracts';
import type { PriceVersion } from '@tollgate/database';
import { Prices } from '@tollgate/metering';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ProviderRegistry } from '../providers/provider-registry.service.js';
import { candidates } from './candidates.js';
import type { ModelConfig, ModelsFile } from './models-file.js';

export const MODELS = Symbol('models.yaml');
export const ROUTING = Symbol('routing options');

export interface RoutingOptions {
  lastResortCloud: boolean;
}

/** The models of models.yaml with their price versions, and the choice among them. */
@Injectable()
export class Catalogue implements OnModuleInit {
  private readonly priceVersions = new Map<string, PriceVersion>();

  constructor(
    @Inject(MODELS) private readonly file: ModelsFile,
    @Inject(ROUTING) private readonly routing: RoutingOptions,
    private readonly providers: ProviderRegistry,
    private readonly prices: Prices,
  ) {}

  async onModuleInit(): Promise<void> {
    const versions = await this.prices.publish(
      this.file.models.map(({ id, provider, cost, charge }) => ({ model: id, provider, cost, charge })),
    );
    for (const version of versions) this.priceVersions.set(version.model, version);
  }

  /** Best first; never empty. Raises `model_not_found`, `model_not_allowed` or `no_model_available`. */
  candidates(tier: string, requested?: string): [ModelConfig, ...ModelConfig[]] {
    return candidates({
      models: this.file.models,
      locationOf: ({ provider }) => this.file.providers[provider]?.location ?? 'cloud',
      isAvailable: (model) => this.providers.isAvailable(model),
      defaultModel: this.file.defaultModel,
      tier,
      requested,
      lastResortCloud: this.routing.lastResortCloud,
    });
  }

  /** The first candidate, for callers who fit their prompt to it. */
  choose(tier: string, requested?: string): ModelChoice {
    const [{ id, provider, contextLength, tokenizer }] = this.candidates(tier, requested);
    return { model: id, provider, context_length: contextLength, tokenizer };
  }

  priceOf(model: ModelConfig): PriceVersion {
    const version = this.priceVersions.get(model.id);
    if (!version) throw new Error(`the model ${model.id} has no price version`);
    return version;
  }
}
