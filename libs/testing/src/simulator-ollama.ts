import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { AnswerPiece } from './simulator-answer.js';
import { serveGeneration, type AnswerEnd, type SimulatorState, type WireFormat } from './simulator-generation.js';
import { JsonSchema } from './simulator-json.js';
import { digestOf, type SimulatedModel } from './simulator-models.js';
import { parseBody, required } from './simulator-request.js';
import { SimulatedTool } from './simulator-tools.js';

const common = {
  model: z.string(required).min(1, 'is required'),
  stream: z.boolean().default(true),
  format: z.union([z.enum(['json', '']), JsonSchema]).nullish(),
  options: z
    .object({ num_predict: z.int().optional(), stop: z.union([z.string(), z.array(z.string())]).optional() })
    .nullish(),
};
const ChatRequest = z.object({
  ...common,
  messages: z.array(
    z.object({
      role: z.enum(['system', 'user', 'assistant', 'tool']),
      content: z.string().default(''),
      tool_calls: z
        .array(z.object({ function: z.object({ name: z.string(), arguments: z.record(z.string(), z.unknown()) }) }))
        .optional(),
      tool_name: z.string().optional(),
    }),
    required,
  ),
  tools: z.array(SimulatedTool).nullish(),
});
const GenerateRequest = z.object({ ...common, prompt: z.string().default(''), system: z.string().optional() });
const ShowRequest = z.object({ model: z.string().optional(), name: z.string().optional() });

const loadNs = 1_000_000;
const keepAliveMs = 300_000;

/** Ollama's API: https://github.com/ollama/ollama/blob/main/docs/api.md */
export function addOllamaRoutes(app: FastifyInstance, state: SimulatorState): void {
  addGenerationRoutes(app, state);

  app.get('/', async () => 'Ollama is running');
  app.get('/api/version', async () => ({ version: '0.30.5-simulated' }));
  app.get('/api/tags', async () => ({ models: state.models.list('ollama').map(toTag) }));
  app.get('/api/ps', async () => ({
    models: state.models.listLoaded().map(({ model, usedAt }) => ({
      ...toTag(model),
      expires_at: new Date(usedAt.getTime() + keepAliveMs).toISOString(),
      size_vram: 0,
      context_length: model.contextLength,
    })),
  }));
  app.post('/api/show', async (request, reply) => {
    const body = parseBody(ShowRequest, request.body);
    if (!body.ok) return sendError(reply, 400, body.message);
    const name = body.value.model ?? body.value.name;
    if (!name) return sendError(reply, 400, 'model is required');
    const model = state.models.find(name);
    return model ? toShow(model) : sendError(reply, 404, notFound(name));
  });
}

export function ollamaError(message: string): { error: string } {
  return { error: message };
}

function addGenerationRoutes(app: FastifyInstance, state: SimulatorState): void {
  app.post('/api/chat', async (request, reply) => {
    const body = parseBody(ChatRequest, request.body);
    if (!body.ok) return sendError(reply, 400, body.message);
    const { model, messages, tools } = body.value;
    if (!state.models.find(model)) return sendError(reply, 404, notFound(model));
    const content = (pieces: readonly AnswerPiece[]) => ({ message: { role: 'assistant', ...toMessage(pieces) } });
    if (messages.length === 0) return load(state, model, content([]));
    const generation = { ...toGeneration(body.value, content), path: '/api/chat', messages, tools: tools ?? [] };
    return serveGeneration(state, generation, request, reply);
  });

  app.post('/api/generate', async (request, reply) => {
    const body = parseBody(GenerateRequest, request.body);
    if (!body.ok) return sendError(reply, 400, body.message);
    const { model, prompt, system } = body.value;
    if (!state.models.find(model)) return sendError(reply, 404, notFound(model));
    const content = (pieces: readonly AnswerPiece[]) => {
      const { content: response, thinking } = toMessage(pieces);
      return { response, ...(thinking !== undefined && { thinking }) };
    };
    if (prompt === '') return load(state, model, content([]));
    const messages = [...(system ? [{ role: 'system', content: system }] : []), { role: 'user', content: prompt }];
    const generation = { ...toGeneration(body.value, content), path: '/api/generate', messages };
    return serveGeneration(state, generation, request, reply);
  });
}

function toGeneration(
  { model, stream, format, options }: z.infer<z.ZodObject<typeof common>>,
  content: (pieces: readonly AnswerPiece[]) => object,
) {
  const tokensMax = options?.num_predict ?? -1;
  const json = format === 'json' ? ('object' as const) : format;
  return {
    api: 'ollama' as const,
    model,
    stream,
    stop: [options?.stop ?? []].flat(),
    ...(json && { json }),
    // Ollama takes -1 and -2 for "no limit".
    ...(tokensMax > 0 && { tokensMax }),
    wire: () => ollamaWire(model, content),
  };
}

/** Calls have objects as arguments and no ids. */
function toMessage(pieces: readonly AnswerPiece[]): { content: string; thinking?: string; tool_calls?: object[] } {
  const textOf = (kind: AnswerPiece['kind']) =>
    pieces
      .filter((piece) => piece.kind === kind)
      .map(({ text }) => text)
      .join('');
  const thinking = textOf('reasoning');
  const calls = pieces.flatMap((piece) => (piece.kind === 'tool_call' ? [{ function: piece.call }] : []));
  return { content: textOf('text'), ...(thinking && { thinking }), ...(calls.length > 0 && { tool_calls: calls }) };
}

function ollamaWire(model: string, content: (pieces: readonly AnswerPiece[]) => object): WireFormat {
  const frame = (pieces: readonly AnswerPiece[], more: object) => ({
    model,
    created_at: new Date().toISOString(),
    ...content(pieces),
    ...more,
  });
  const line = (value: object) => `${JSON.stringify(value)}\n`;
  return {
    streamHeaders: { 'content-type': 'application/x-ndjson' },
    startFrame: () => '',
    deltaFrame: (piece) => line(frame([piece], { done: false })),
    keepAliveFrame: () => '\n',
    endFrames: (end) => line(frame([], toDone(end))),
    errorFrame: (message) => line(ollamaError(message)),
    whole: (pieces, end) => frame(pieces, toDone(end)),
    errorBody: (_status, message) => ollamaError(message),
  };
}

function toDone({ finish, usage, promptNs, generationNs }: AnswerEnd): object {
  return {
    done: true,
    // Ollama has no word for an answer that is a call.
    done_reason: finish === 'tool_calls' ? 'stop' : finish,
    total_duration: loadNs + promptNs + generationNs,
    load_duration: loadNs,
    ...(usage && { prompt_eval_count: usage.promptTokens }),
    prompt_eval_duration: promptNs,
    ...(usage && { eval_count: usage.completionTokens }),
    eval_duration: generationNs,
  };
}

/** A request without a prompt asks only that the model be loaded. */
function load(state: SimulatorState, model: string, content: object): object {
  state.models.markLoaded(model);
  return { model, created_at: new Date().toISOString(), ...content, done: true, done_reason: 'load' };
}

function toTag(model: SimulatedModel): object {
  return {
    name: model.name,
    model: model.name,
    modified_at: '2026-01-01T00:00:00.000Z',
    size: 1_000_000_000,
    digest: digestOf(model),
    details: toDetails(model),
  };
}

function toShow(model: SimulatedModel): object {
  return {
    license: 'simulated',
    modelfile: `FROM ${model.name}`,
    parameters: '',
    template: '{{ .Prompt }}',
    details: toDetails(model),
    model_info: {
      'general.architecture': model.family,
      'general.basename': model.name,
      [`${model.family}.context_length`]: model.contextLength,
    },
    capabilities: ['completion', 'tools', 'thinking'],
    modified_at: '2026-01-01T00:00:00.000Z',
  };
}

function toDetails({ family, parameterSize }: SimulatedModel): object {
  return {
    parent_model: '',
    format: 'gguf',
    family,
    families: [family],
    parameter_size: parameterSize,
    quantization_level: 'Q4_K_M',
  };
}

function sendError(reply: FastifyReply, status: number, message: string): FastifyReply {
  return reply.code(status).send(ollamaError(message));
}

function notFound(model: string): string {
  return `model '${model}' not found`;
}
