import { TollgateError } from './errors.js';
import { estimateTokens } from './estimate-tokens.js';
import type { CallOptions } from './http.js';
import { contextLine, logLine, type LogLevel } from './log-line.js';
import type { routesOf } from './routes.js';
import type { ModelListing, OpenAiChatRequest } from './shapes.js';

export interface GenerateTextOptions extends CallOptions {
  /** Default: the first model of the plan. */
  model?: string;
  system?: string;
  maxTokens?: number;
  temperature?: number;
}

export interface LoggedTextRequest extends GenerateTextOptions {
  prompt: string;
  /** What the text is for, such as `summary`; stands in the log. */
  task?: string;
  /** Of the caller's own; stand in the log. */
  requestId?: string;
  userId?: string;
}

/** The functions of the text-processing service's documented SDK, over the gateway. */
export function textFunctions(
  { openAi, modelService }: ReturnType<typeof routesOf>,
  // oxlint-disable-next-line no-console -- where the lines go is the caller's choice, and this what most expect
  log: (line: string) => void = console.log,
) {
  let listing: ModelListing | undefined;

  async function generateText(prompt: string, options: GenerateTextOptions = {}): Promise<string> {
    const completion = await openAi.createChatCompletion(requestOf(prompt, options), options);
    return completion.choices[0]?.message.content ?? '';
  }

  /** The text in parts, as the model writes it. */
  async function* streamText(prompt: string, options: GenerateTextOptions = {}): AsyncGenerator<string, void> {
    for await (const { choices } of openAi.createChatCompletionStream(requestOf(prompt, options), options)) {
      const text = choices[0]?.delta.content;
      if (text) yield text;
    }
  }

  /** The tokens that a model takes, of the default model unless it is named. Asks the gateway once. */
  async function getModelContextLength(model?: string): Promise<number> {
    listing ??= await modelService.list();
    const { models, default_model: usual } = listing;
    const found = models.find(({ id }) => id === (model ?? usual));
    if (!found) throw new TollgateError('model_not_found', `The model "${model ?? usual}" does not exist.`);
    return found.context_length;
  }

  /** With the documented lines about the context, the request and its answer. The text itself is never logged. */
  async function generateTextWithLogging(request: LoggedTextRequest): Promise<string> {
    const { prompt, task = 'generate', requestId = crypto.randomUUID(), userId = '-', ...options } = request;
    const line = (level: LogLevel, event: string, fields: Record<string, string>) =>
      log(logLine(level, { requestId, userId }, event, fields));
    const contextLength = await getModelContextLength(options.model);
    const model = options.model ?? 'default';
    const tokens = estimateTokens(prompt);
    const { level, event, usage } = contextLine(tokens, contextLength);
    line(level, event, { model, usage, tokens: `${tokens}/${contextLength}` });
    line('INFO', 'LLM_REQUEST', { model, task });
    const startedAt = performance.now();
    const latency = () => `${Math.round(performance.now() - startedAt)}ms`;
    try {
      const text = await generateText(prompt, options);
      line('INFO', 'LLM_RESPONSE', { status: 'success', latency: latency(), model, task });
      return text;
    } catch (error) {
      const code = error instanceof TollgateError ? error.code : 'aborted';
      line('ERROR', 'LLM_ERROR', { status: 'error', latency: latency(), model, task, code });
      throw error;
    }
  }

  return { generateText, generateTextWithLogging, streamText, estimateTokens, getModelContextLength };
}

function requestOf(prompt: string, { model, system, maxTokens, temperature }: GenerateTextOptions) {
  const messages: OpenAiChatRequest['messages'] = [{ role: 'user', content: prompt }];
  if (system !== undefined) messages.unshift({ role: 'system', content: system });
  return { model, messages, max_tokens: maxTokens, temperature };
}
