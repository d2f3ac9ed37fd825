import {
  AppError,
  type Caller,
  type CompletionRequest,
  type LlmHealth,
  type ModelListing,
  type ModelValidation,
} from '@tollgate/contracts';
import { Injectable } from '@nestjs/common';
import { ResponseCache } from '../cache/response-cache.js';
import { Catalogue } from '../catalogue/catalogue.service.js';
import type { ModelConfig } from '../catalogue/models-file.js';
import type { CompletionContext } from '../completions/completion-context.js';
import { Completions } from '../completions/completions.service.js';
import { ProviderRegistry } from '../providers/provider-registry.service.js';
import { modelSizeOf } from './model-size.js';
import { performanceScore } from './performance-score.js';

/** Long enough to measure a speed, short enough to cost little. */
const PROBE_TOKENS_MAX = 48;
const PROBE_PROMPT = 'Count from one to twenty in words, separated by spaces.';

/** What models there are, how they are, and how fast one answers. */
@Injectable()
export class Models {
  constructor(
    private readonly catalogue: Catalogue,
    private readonly providers: ProviderRegistry,
    private readonly completions: Completions,
    private readonly cache: ResponseCache,
  ) {}

  list({ tier }: Caller): ModelListing {
    const models = this.catalogue.contents.models.map((model) => ({
      id: model.id,
      provider: model.provider,
      location: this.providerOf(model).location,
      context_length: model.contextLength,
      tiers: model.tiers,
      available: this.providers.isAvailable(model),
      allowed: model.tiers.includes(tier),
    }));
    return { default_model: this.catalogue.contents.defaultModel, models };
  }

  async health(): Promise<LlmHealth> {
    const available = this.catalogue.contents.models.filter((model) => this.providers.isAvailable(model));
    const enabled = this.catalogue.contents.models.filter((model) => this.providerOf(model).enabled);
    const isOllamaThere = available.some((model) => this.providerOf(model).kind === 'ollama');
    return {
      status: available.length === 0 ? 'unhealthy' : available.length < enabled.length ? 'degraded' : 'healthy',
      ollama_status: isOllamaThere ? 'connected' : 'disconnected',
      model: this.catalogue.contents.defaultModel,
      models_available: available.map(({ id }) => id),
      cache: await this.cache.statistics(),
    };
  }

  /** Raises `model_not_found` and `model_not_allowed`; a model that does not answer is a validation that says so. */
  async validate(requested: string | null | undefined, context: CompletionContext): Promise<ModelValidation> {
    const id = requested ?? this.catalogue.contents.defaultModel;
    const model = this.catalogue.contents.models.find((candidate) => candidate.id === id);
    if (!model) throw new AppError('model_not_found', `The model "${id}" does not exist.`, { param: 'model' });
    const [size, measured] = await Promise.all([
      modelSizeOf(model, this.providerOf(model)),
      this.measure(id, context).catch((thrown: unknown) => problemOf(thrown)),
    ]);
    const common = { model_name: id, model_size: size ?? null, last_validation: new Date().toISOString() };
    if ('problem' in measured) {
      const nothing = { performance_score: 0, tokens_per_second: null, time_to_first_token_ms: null };
      return { model_available: false, ...common, ...nothing, problem: measured.problem };
    }
    return {
      model_available: true,
      ...common,
      performance_score: performanceScore(measured),
      tokens_per_second: Math.round(measured.tokensPerSecond * 10) / 10,
      time_to_first_token_ms: Math.round(measured.firstTokenMs),
    };
  }

  /** By the very model that was asked for; another one that would stand in for it says nothing of it. */
  private async measure(id: string, context: CompletionContext) {
    const request: CompletionRequest = {
      task: 'validate-model',
      model: id,
      messages: [{ role: 'user', content: PROBE_PROMPT }],
      max_tokens: PROBE_TOKENS_MAX,
      temperature: 0,
    };
    const [first] = this.catalogue.candidates(context.caller.tier, id);
    if (first?.model.id !== id) return { problem: 'The model cannot be reached.' };
    const startedAt = performance.now();
    let firstTokenAt = startedAt;
    for await (const part of this.completions.stream(request, context)) {
      if (part.type === 'start') firstTokenAt = performance.now();
      if (part.type !== 'end') continue;
      if (part.model !== id) return { problem: 'The model did not answer.' };
      const seconds = Math.max(0.001, (performance.now() - firstTokenAt) / 1_000);
      return { tokensPerSecond: part.usage.output_tokens / seconds, firstTokenMs: firstTokenAt - startedAt };
    }
    throw new Error('a completion ended without an end');
  }

  private providerOf({ provider }: ModelConfig) {
    const config = this.catalogue.contents.providers[provider];
    if (!config) throw new Error(`there is no provider ${provider}`);
    return config;
  }
}

/** What the model did; what the caller may not do is no word about the model. */
function problemOf(thrown: unknown): { problem: string } {
  const error = AppError.fromUnknown(thrown);
  if (error.code === 'provider_error' || error.code === 'no_model_available') return { problem: error.message };
  throw error;
}
