import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { serveGeneration, type AnswerEnd, type SimulatorState, type WireFormat } from './simulator-generation.js';
import { JsonSchema } from './simulator-json.js';
import type { SimulatedModel } from './simulator-models.js';
import { parseBody, required } from './simulator-request.js';

const MessageContent = z
  .union([z.string(), z.array(z.object({ type: z.string(), text: z.string().default('') }))])
  .nullish()
  .transform((content) => (typeof content === 'string' ? content : (content ?? []).map(({ text }) => text).join('')));

const ChatCompletionRequest = z.object({
  model: z.string(required).min(1, 'is required'),
  messages: z
    .array(
      z.object({
        role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
        content: MessageContent,
      }),
      required,
    )
    .min(1, 'must have at least one message'),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().optional() }).nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(4)]).nullish(),
  response_format: z
    .discriminatedUnion('type', [
      z.object({ type: z.literal('text') }),
      z.object({ type: z.literal('json_object') }),
      z.object({ type: z.literal('json_schema'), json_schema: z.object({ name: z.string(), schema: JsonSchema }) }),
    ])
    .nullish(),
});
type ChatCompletionRequest = z.infer<typeof ChatCompletionRequest>;

const createdSeconds = 1_767_225_600;

/** OpenAI's API: https://platform.openai.com/docs/api-reference/chat */
export function addOpenAiRoutes(app: FastifyInstance, state: SimulatorState): void {
  if (state.apiKey) requireApiKey(app, state.apiKey);

  app.post('/v1/chat/completions', async (request, reply) => {
    const body = parseBody(ChatCompletionRequest, request.body);
    if (!body.ok) return sendError(reply, 400, { message: body.message, param: body.param });
    const { model } = body.value;
    if (!state.models.find(model)) return sendModelNotFound(reply, model);
    return serveGeneration(state, toGeneration(body.value), request, reply);
  });

  app.get('/v1/models', async () => ({ object: 'list', data: state.models.list('openai').map(toModel) }));
  // A wildcard, because names such as meta-llama/Llama-4 also come with a bare slash.
  app.get<{ Params: { '*': string } }>('/v1/models/*', async (request, reply) => {
    const name = request.params['*'];
    const model = state.models.find(name);
    return model ? toModel(model) : sendModelNotFound(reply, name);
  });
}

export function openAiError(
  status: number,
  { message, param = null, code = null }: { message: string; param?: string | null; code?: string | null },
): object {
  return { error: { message, type: errorType(status), param, code } };
}

function requireApiKey(app: FastifyInstance, apiKey: string): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.headers.authorization === `Bearer ${apiKey}`) return;
    return sendError(reply, 401, { message: 'Incorrect API key provided.', code: 'invalid_api_key' });
  });
}

function toGeneration(request: ChatCompletionRequest) {
  const { model, messages } = request;
  const json = jsonOf(request.response_format);
  const tokensMax = request.max_completion_tokens ?? request.max_tokens;
  return {
    api: 'openai' as const,
    path: '/v1/chat/completions',
    model,
    messages,
    stream: request.stream ?? false,
    stop: [request.stop ?? []].flat(),
    ...(json && { json }),
    ...(tokensMax && { tokensMax }),
    wire: (callId: string) => openAiWire(callId, model, request.stream_options?.include_usage ?? false),
  };
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

function openAiWire(callId: string, model: string, includeUsage: boolean): WireFormat {
  const created = Math.floor(Date.now() / 1000);
  const head = { id: `chatcmpl-${callId}`, created, model, system_fingerprint: 'fp_simulated' };
  const event = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
  const chunk = (choices: object[], usage: object | null = null) =>
    event({ ...head, object: 'chat.completion.chunk', choices, ...(includeUsage && { usage }) });
  const choice = (delta: object, finish: string | null) => [{ index: 0, delta, logprobs: null, finish_reason: finish }];
  return {
    streamHeaders: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache, no-transform' },
    startFrame: () => chunk(choice({ role: 'assistant', content: '' }, null)),
    deltaFrame: (text) => chunk(choice({ content: text }, null)),
    endFrames: ({ finish, usage }) =>
      chunk(choice({}, finish)) + (includeUsage && usage ? chunk([], toUsage(usage)) : '') + 'data: [DONE]\n\n',
    errorFrame: (message) => event(openAiError(500, { message })),
    whole: (text, { finish, usage }) => ({
      ...head,
      object: 'chat.completion',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: text, refusal: null },
          logprobs: null,
          finish_reason: finish,
        },
      ],
      ...(usage && { usage: toUsage(usage) }),
    }),
    errorBody: (status, message) => openAiError(status, { message }),
  };
}

function toUsage({ promptTokens, completionTokens }: NonNullable<AnswerEnd['usage']>): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
}

function toModel({ name }: SimulatedModel): object {
  return { id: name, object: 'model', created: createdSeconds, owned_by: 'simulator' };
}

function sendModelNotFound(reply: FastifyReply, model: string): FastifyReply {
  return sendError(reply, 404, { message: `The model '${model}' does not exist.`, code: 'model_not_found' });
}

function sendError(reply: FastifyReply, status: number, error: Parameters<typeof openAiError>[1]): FastifyReply {
  return reply.code(status).send(openAiError(status, error));
}

function errorType(status: number): string {
  if (status === 429) return 'requests';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}
