import { loadYamlFile, type Environment } from '@tollgate/config';
import { tokenizerFamilies } from '@tollgate/llm';
import { z } from 'zod';

const Price = z
  .strictObject({
    input: z.number().int().nonnegative(),
    cached_input: z.number().int().nonnegative().optional(),
    output: z.number().int().nonnegative(),
  })
  .transform(({ input, cached_input = input, output }) => ({
    input: BigInt(input),
    cachedInput: BigInt(cached_input),
    output: BigInt(output),
  }));

const free = { input: 0n, cachedInput: 0n, output: 0n };

const milliseconds = z.number().int().positive();

const Provider = z
  .strictObject({
    kind: z.enum(['ollama', 'openai-compatible']),
    location: z.enum(['local', 'cloud']),
    base_url: z.string(),
    api_key: z.string().default(''),
    api_key_required: z.boolean().default(false),
    /** Connections to it at once. */
    connections: z.number().int().positive().default(20),
    connect_timeout_ms: milliseconds.default(5_000),
    first_token_timeout_ms: milliseconds.default(120_000),
    idle_timeout_ms: milliseconds.default(60_000),
  })
  .transform((provider) => ({
    kind: provider.kind,
    location: provider.location,
    baseUrl: provider.base_url.replace(/\/+$/, ''),
    apiKey: provider.api_key || undefined,
    enabled: provider.base_url !== '' && (provider.api_key !== '' || !provider.api_key_required),
    connections: provider.connections,
    connectTimeoutMs: provider.connect_timeout_ms,
    firstTokenTimeoutMs: provider.first_token_timeout_ms,
    idleTimeoutMs: provider.idle_timeout_ms,
  }))
  .refine(({ enabled, baseUrl }) => !enabled || URL.canParse(baseUrl), {
    path: ['base_url'],
    message: 'must be a URL',
  });
export type ProviderConfig = z.infer<typeof Provider>;

const Model = z
  .strictObject({
    id: z.string().min(1),
    provider: z.string().min(1),
    upstream_name: z.string().min(1).optional(),
    /** Tokens of prompt and answer together. */
    context_length: z.number().int().positive(),
    tokenizer: z.enum(tokenizerFamilies),
    tiers: z.array(z.string()).min(1),
    cost: Price.optional(),
    charge: Price.optional(),
  })
  .transform(({ upstream_name, context_length, ...model }) => ({
    ...model,
    upstreamName: upstream_name ?? model.id,
    contextLength: context_length,
  }));

const ModelsFile = z
  .strictObject({
    default_model: z.string(),
    providers: z.record(z.string(), Provider),
    models: z.array(Model).min(1),
  })
  .superRefine(({ default_model, providers, models }, context) => {
    const problem = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
    const ids = models.map(({ id }) => id);
    if (!ids.includes(default_model)) problem(['default_model'], 'is not the id of a model');
    models.forEach(({ id, provider: name, cost }, index) => {
      const provider = providers[name];
      if (ids.indexOf(id) !== index) problem(['models', index, 'id'], 'stands twice');
      if (!provider) problem(['models', index, 'provider'], 'is not a provider of this file');
      if (provider?.location === 'cloud' && !cost)
        problem(['models', index, 'cost'], 'is missing: a cloud model is never free');
    });
  })
  .transform(({ default_model, providers, models }) => ({
    defaultModel: default_model,
    providers,
    models: models.map(({ cost = free, charge = cost, ...model }) => ({ ...model, cost, charge })),
  }));
export type ModelsFile = z.infer<typeof ModelsFile>;
export type ModelConfig = ModelsFile['models'][number];

/** Raises ConfigError with every problem of the file. */
export function loadModelsFile(path: string, environment: Environment): ModelsFile {
  return loadYamlFile(path, ModelsFile, environment);
}
