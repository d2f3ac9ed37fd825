import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { errorType } from './simulator-dialects.js';
import { serveGeneration, type SimulatorState } from './simulator-generation.js';
import { JsonSchema } from './simulator-json.js';
import type { SimulatedModel } from './simulator-models.js';
import { openAiWire } from './simulator-openai-wire.js';
import { parseBody, required } from './simulator-request.js';
import { SimulatedTool } from './simulator-tools.js';

const MessageContent = z
  .union([z.string(), z.array(z.object({ type: z.string(), text: z.string().default('') }))])
  .nullish()
  .transform((content) => (typeof content === 'string' ? content : (content ?? []).map(({ text }) => text).join('')));

const ToolCall = z.object({
  id: z.string(),
  type: z.literal('function'),
  function: z.object({ name: z.string(), arguments: z.string() }),
});

/** Strict, as OpenAI is: a field that it does not know is refused. What only some servers take is in the dialect. */
const ChatCompletionRequest = z.strictObject({
  model: z.string(required).min(1, 'is required'),
  messages: z
    .array(
      z.object({
        role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
        content: MessageContent,
        tool_calls: z.array(ToolCall).optional(),
        tool_call_id: z.string().optional(),
      }),
      required,
    )
    .min(1, 'must have at least one message')
    .refine(hasCallForEveryResult, 'has a message with role "tool" that answers no call'),
  stream: z.boolean().nullish(),
  stream_options: z
    .object({ include_usage: z.boolean().optional(), continuous_usage_stats: z.boolean().optional() })
    .nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(4)]).nullish(),
  tools: z.array(SimulatedTool).nullish(),
  tool_choice: z
    .union([z.enum(['none', 'auto', 'required']), z.object({ function: z.object({ name: z.string() }) })])
    .nullish(),
  response_format: z
    .discriminatedUnion('type', [
      z.object({ type: z.literal('text') }),
      z.object({ type: z.literal('json_object') }),
      z.object({ type: z.literal('json_schema'), json_schema: z.object({ name: z.string(), schema: JsonSchema }) }),
    ])
    .nullish(),
  structured_outputs: z.object({ json: JsonSchema }).nullish(),
  ...Object.fromEntries(
    [
      'temperature top_p top_k repetition_penalty seed n user frequency_penalty presence_penalty logprobs top_logprobs',
      'parallel_tool_calls reasoning_effort metadata store',
    ]
      .join(' ')
      .split(' ')
      .map((name) => [name, z.unknown().optional()]),
  ),
});
type ChatCompletionRequest = z.infer<typeof ChatCompletionRequest>;

/** Known to some servers only; the dialect says whether this one is among them. */
const extraFields = ['top_k', 'repetition_penalty', 'structured_outputs'];
const createdSeconds = 1_767_225_600;

/** OpenAI's API: https://platform.openai.com/docs/api-reference/chat */
export function addOpenAiRoutes(app: FastifyInstance, state: SimulatorState): void {
  if (state.apiKey) requireApiKey(app, state.apiKey);

  app.post('/v1/chat/completions', async (request, reply) => {
    const body = parseBody(ChatCompletionRequest, request.body);
    if (!body.ok) return sendError(reply, 400, { message: body.message, param: body.param });
    const refusal = refusalOf(body.value, state);
    if (refusal) return reply.code(400).send(state.dialect.error(refusal, 'invalid_request_error'));
    const { model } = body.value;
    if (!state.models.find(model)) return sendModelNotFound(reply, model);
    return serveGeneration(state, toGeneration(body.value, state), request, reply);
  });

  app.get('/v1/models', async () => ({ object: 'list', data: state.models.list('openai').map(toModel) }));
  // A wildcard, because names such as meta-llama/Llama-4 also come with a bare slash.
  app.get<{ Params: { '*': string } }>('/v1/models/*', async (request, reply) => {
    const name = request.params['*'];
    const model = state.models.find(name);
    return model ? toModel(model) : sendModelNotFound(reply, name);
  });
}

function hasCallForEveryResult(messages: readonly { tool_calls?: { id: string }[]; tool_call_id?: string }[]): boolean {
  const ids = new Set(messages.flatMap(({ tool_calls: calls = [] }) => calls.map(({ id }) => id)));
  return messages.every(({ tool_call_id: id }) => id === undefined || ids.has(id));
}

function refusalOf(request: ChatCompletionRequest, { dialect }: SimulatorState): string | undefined {
  const refused = [...dialect.refusedFields, ...extraFields.filter((name) => !dialect.extraFields.includes(name))];
  const field = refused.find((name) => Reflect.get(request, name) !== undefined);
  if (field) return `Unrecognized request argument supplied: ${field}`;
  const format = request.response_format?.type ?? 'text';
  if (!dialect.responseFormats.includes(format)) return `This response_format type is unavailable now: ${format}`;
  if (format !== 'json_object' || !dialect.needsJsonMentioned) return undefined;
  const speaksOfJson = request.messages.some(({ content }) => /json/i.test(content));
  return !speaksOfJson ? "'messages' must contain the word 'json'." : undefined;
}

function requireApiKey(app: FastifyInstance, apiKey: string): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.headers.authorization === `Bearer ${apiKey}`) return;
    return sendError(reply, 401, { message: 'Incorrect API key provided.', code: 'invalid_api_key' });
  });
}

function toGeneration(request: ChatCompletionRequest, { dialect }: SimulatorState) {
  const { model, messages, stream_options: options } = request;
  const json = request.structured_outputs?.json ?? jsonOf(request.response_format);
  const tokensMax = request.max_completion_tokens ?? request.max_tokens;
  return {
    api: 'openai' as const,
    path: '/v1/chat/completions',
    model,
    messages,
    tools: allowedTools(request),
    stream: request.stream ?? false,
    stop: [request.stop ?? []].flat(),
    ...(json && { json }),
    ...(tokensMax && { tokensMax }),
    wire: (callId: string) =>
      openAiWire(callId, model, {
        dialect,
        includeUsage: options?.include_usage ?? false,
        continuousUsage: options?.continuous_usage_stats ?? false,
      }),
  };
}

function allowedTools({ tools, tool_choice: choice }: ChatCompletionRequest): SimulatedTool[] {
  if (!tools || choice === 'none') return [];
  if (typeof choice !== 'object' || choice === null) return tools;
  return tools.filter(({ function: { name } }) => name === choice.function.name);
}

function jsonOf(format: ChatCompletionRequest['response_format']): 'object' | JsonSchema | undefined {
  switch (format?.type) {
    case 'json_object':
      return 'object';
    case 'json_schema':
      return format.json_schema.schema;
    case 'text':
    case undefined:
      return undefined;
  }
}

function toModel({ name }: SimulatedModel): object {
  return { id: name, object: 'model', created: createdSeconds, owned_by: 'simulator' };
}

function sendModelNotFound(reply: FastifyReply, model: string): FastifyReply {
  return sendError(reply, 404, { message: `The model '${model}' does not exist.`, code: 'model_not_found' });
}

function sendError(
  reply: FastifyReply,
  status: number,
  { message, param = null, code = null }: { message: string; param?: string | null; code?: string | null },
): FastifyReply {
  return reply.code(status).send({ error: { message, type: errorType(status), param, code } });
}
