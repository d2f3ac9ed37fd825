import { loadYamlFile, type Environment } from '@tollgate/config';
import { tokenizerFamilies } from '@tollgate/llm';
import { z } from 'zod';
import { namesPrivateAddress, problemOfBaseUrl } from '../providers/provider-address.js';
import { quirksOf } from '../providers/quirks.js';

const Price = z
  .strictObject({
    input: z.number().int().nonnegative(),
    cached_input: z.number().int().nonnegative().optional(),
    output: z.number().int().nonnegative(),
    reasoning: z.number().int().nonnegative().optional(),
  })
  .transform(({ input, cached_input = input, output, reasoning = output }) => ({
    input: BigInt(input),
    cachedInput: BigInt(cached_input),
    output: BigInt(output),
    reasoning: BigInt(reasoning),
  }));

const free = { input: 0n, cachedInput: 0n, output: 0n, reasoning: 0n };

const milliseconds = z.number().int().positive();

const openAiKinds = Object.keys(quirksOf) as [keyof typeof quirksOf, ...(keyof typeof quirksOf)[]];

/** Where an endpoint differs from its kind. */
const QuirksOverride = z
  .strictObject({
    max_tokens_field: z.enum(['max_tokens', 'max_completion_tokens']),
    json_schema: z.enum(['response_format', 'response_format_strict', 'structured_outputs', 'prompt']),
    usage: z.enum(['last_chunk', 'every_chunk', 'not_asked']),
  })
  .partial()
  .transform(({ max_tokens_field, json_schema, usage }) => ({
    ...(max_tokens_field && { maxTokensField: max_tokens_field }),
    ...(json_schema && { jsonSchema: json_schema }),
    ...(usage && { usage }),
  }));

/** A small Ollama answers few at once; more connections only wait inside it. */
const OLLAMA_CONNECTIONS = 5;
const CONNECTIONS = 20;

const Provider = z
  .strictObject({
    kind: z.enum(['ollama', ...openAiKinds]),
    location: z.enum(['local', 'cloud']),
    /** Empty: switched off. */
    base_url: z.string().check(({ value, issues }) => {
      const message = value === '' ? undefined : problemOfBaseUrl(value);
      if (message) issues.push({ code: 'custom', input: value, message });
    }),
    /** May its name resolve to an address of the own network? Where nothing is said: when the URL or the location is local. */
    allow_private_addresses: z.boolean().optional(),
    api_key: z.string().default(''),
    api_key_required: z.boolean().default(false),
    /** Connections to it at once. */
    connections: z.number().int().positive().optional(),
    connect_timeout_ms: milliseconds.default(5_000),
    /** From the call to the first token; keep-alives are none. */
    first_token_timeout_ms: milliseconds.default(120_000),
    /** Between two tokens. */
    idle_timeout_ms: milliseconds.default(60_000),
    total_timeout_ms: milliseconds.default(300_000),
    quirks: QuirksOverride.default({}),
  })
  .transform((provider) => ({
    kind: provider.kind,
    location: provider.location,
    baseUrl: provider.base_url.replace(/\/+$/, ''),
    allowPrivate:
      provider.allow_private_addresses ?? (provider.location === 'local' || namesPrivateAddress(provider.base_url)),
    apiKey: provider.api_key || undefined,
    enabled: provider.base_url !== '' && (provider.api_key !== '' || !provider.api_key_required),
    connections: provider.connections ?? (provider.kind === 'ollama' ? OLLAMA_CONNECTIONS : CONNECTIONS),
    connectTimeoutMs: provider.connect_timeout_ms,
    firstTokenTimeoutMs: provider.first_token_timeout_ms,
    idleTimeoutMs: provider.idle_timeout_ms,
    totalTimeoutMs: provider.total_timeout_ms,
    quirks: provider.quirks,
  }));
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

const Contents = z
  .strictObject({
    default_model: z.string(),
    providers: z.record(z.string(), Provider),
    models: z.array(Model).min(1),
  })
  .transform(({ default_model, providers, models }) => ({
    defaultModel: default_model,
    providers,
    models: models.map(({ cost = free, charge = cost, ...model }) => ({ ...model, cost, charge })),
  }));

/** What its parts say of each other is checked also where a field is wrong, so that all problems are seen at once. */
const ModelsFile = z.unknown().transform((file, context) => {
  const { success, data, error } = Contents.safeParse(file);
  for (const { path, message } of [...(error?.issues ?? []), ...contradictionsIn(file)]) {
    context.addIssue({ code: 'custom', path, message });
  }
  return success ? data : z.NEVER;
});
export type ModelsFile = z.infer<typeof ModelsFile>;
export type ModelConfig = ModelsFile['models'][number];

/** Raises ConfigError with every problem of the file. */
export function loadModelsFile(path: string, environment: Environment): ModelsFile {
  return loadYamlFile(path, ModelsFile, environment);
}

const word = z.string().optional().catch(undefined);

/** As much of a file as its parts say of each other; a field of a wrong type counts as absent. */
const Outline = z
  .object({
    default_model: word,
    providers: z.record(z.string(), z.object({ location: word }).catch({ location: undefined })).catch({}),
    models: z
      .array(
        z
          .object({ id: word, provider: word, cost: z.unknown().optional() })
          .catch({ id: undefined, provider: undefined, cost: undefined }),
      )
      .catch([]),
  })
  .catch({ default_model: undefined, providers: {}, models: [] });

function contradictionsIn(file: unknown) {
  const { default_model, providers, models } = Outline.parse(file);
  const problems: { path: (string | number)[]; message: string }[] = [];
  const problem = (path: (string | number)[], message: string) => problems.push({ path, message });
  const ids = models.map(({ id }) => id);
  if (default_model !== undefined && !ids.includes(default_model)) {
    problem(['default_model'], 'is not the id of a model');
  }
  for (const [index, { id, provider, cost }] of models.entries()) {
    const at = (field: string) => ['models', index, field];
    if (id !== undefined && ids.indexOf(id) !== index) problem(at('id'), 'stands twice');
    if (provider === undefined) continue;
    if (!Object.hasOwn(providers, provider)) problem(at('provider'), 'is not a provider of this file');
    else if (providers[provider]?.location === 'cloud' && cost === undefined) {
      problem(at('cost'), 'is missing: a cloud model is never free');
    }
  }
  return problems;
}
