import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { HumanMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { APICallError, generateText, jsonSchema, Output, streamText, tool } from 'ai';
import OpenAI7 from 'openai';
import OpenAI6 from 'openai-6';

/** What every client is asked to do, in its own words. */
export interface Ask {
  baseURL: string;
  apiKey: string;
  model: string;
  prompt: string;
  headers?: Record<string, string>;
}

export interface Heard {
  text: string;
  inputTokens: number | undefined;
  outputTokens: number | undefined;
}

/** A client as people install it, without retries of its own. */
export interface RealClient {
  name: string;
  whole(ask: Ask): Promise<Heard>;
  stream(ask: Ask): Promise<Heard>;
  /** The function that it is told to call, with its arguments. */
  callTool(ask: Ask): Promise<{ name: string; input: unknown }>;
  /** An object by {@link describedSchema}. */
  json(ask: Ask): Promise<unknown>;
  /** Reads the first part of a stream and aborts. */
  abort(ask: Ask): Promise<void>;
  /** The class that it raises for a status. */
  errorClass(status: number): string;
}

const weather = {
  name: 'get_weather',
  description: 'The weather in a city',
  parameters: { type: 'object' as const, properties: { city: { type: 'string' as const } }, required: ['city'] },
};

export const describedSchema = {
  type: 'object' as const,
  properties: {
    title: { type: 'string' as const },
    tags: { type: 'array' as const, items: { type: 'string' as const } },
  },
  required: ['title', 'tags'],
  additionalProperties: false,
};

const openAiClasses: Record<number, string> = {
  400: 'BadRequestError',
  401: 'AuthenticationError',
  403: 'PermissionDeniedError',
  404: 'NotFoundError',
  409: 'ConflictError',
  422: 'UnprocessableEntityError',
  429: 'RateLimitError',
};
const openAiClass = (status: number) => openAiClasses[status] ?? (status >= 500 ? 'InternalServerError' : 'APIError');

function openAi(name: string, OpenAI: typeof OpenAI7): RealClient {
  const completions = ({ baseURL, apiKey, headers }: Ask) =>
    new OpenAI({ baseURL, apiKey, maxRetries: 0, defaultHeaders: headers }).chat.completions;
  const requestOf = ({ model, prompt }: Ask) => ({ model, messages: [{ role: 'user' as const, content: prompt }] });
  const streamOf = (ask: Ask, signal?: AbortSignal) =>
    completions(ask).create({ ...requestOf(ask), stream: true, stream_options: { include_usage: true } }, { signal });
  return {
    name,
    errorClass: openAiClass,
    async whole(ask) {
      const { choices, usage } = await completions(ask).create(requestOf(ask));
      const text = choices[0]?.message.content ?? '';
      return { text, inputTokens: usage?.prompt_tokens, outputTokens: usage?.completion_tokens };
    },
    async stream(ask) {
      const heard: Heard = { text: '', inputTokens: undefined, outputTokens: undefined };
      for await (const { choices, usage } of await streamOf(ask)) {
        heard.text += choices[0]?.delta.content ?? '';
        heard.inputTokens = usage?.prompt_tokens ?? heard.inputTokens;
        heard.outputTokens = usage?.completion_tokens ?? heard.outputTokens;
      }
      return heard;
    },
    async callTool(ask) {
      const tools = [{ type: 'function' as const, function: weather }];
      const { choices } = await completions(ask).create({ ...requestOf(ask), tools });
      const call = choices[0]?.message.tool_calls?.[0];
      if (call?.type !== 'function') throw new Error('no function was called');
      return { name: call.function.name, input: JSON.parse(call.function.arguments) };
    },
    async json(ask) {
      const json_schema = { name: 'described', schema: describedSchema, strict: true };
      const response_format = { type: 'json_schema' as const, json_schema };
      const { choices } = await completions(ask).create({ ...requestOf(ask), response_format });
      return JSON.parse(choices[0]?.message.content ?? '');
    },
    async abort(ask) {
      const controller = new AbortController();
      for await (const _ of await streamOf(ask, controller.signal)) controller.abort();
    },
  };
}

const vercel: RealClient = {
  name: 'ai with @ai-sdk/openai-compatible',
  errorClass: () => APICallError.name,
  async whole(ask) {
    const { text, usage } = await generateText(settingsOf(ask));
    return { text, inputTokens: usage.inputTokens, outputTokens: usage.outputTokens };
  },
  async stream(ask) {
    const errors: unknown[] = [];
    const result = streamText({ ...settingsOf(ask), onError: ({ error }) => void errors.push(error) });
    let text = '';
    for await (const part of result.textStream) text += part;
    if (errors.length > 0) throw errors[0];
    const usage = await result.usage;
    return { text, inputTokens: usage.inputTokens, outputTokens: usage.outputTokens };
  },
  async callTool(ask) {
    const tools = {
      [weather.name]: tool({ description: weather.description, inputSchema: jsonSchema(weather.parameters) }),
    };
    const [call] = (await generateText({ ...settingsOf(ask), tools })).toolCalls;
    if (!call) throw new Error('no function was called');
    return { name: call.toolName, input: call.input };
  },
  async json(ask) {
    const output = Output.object({ schema: jsonSchema(describedSchema) });
    return (await generateText({ ...settingsOf(ask), output })).output;
  },
  async abort(ask) {
    const controller = new AbortController();
    const result = streamText({ ...settingsOf(ask), abortSignal: controller.signal, onError: () => undefined });
    for await (const _ of result.textStream) controller.abort();
  },
};

function settingsOf({ baseURL, apiKey, model, prompt, headers }: Ask) {
  const options = { name: 'tollgate', baseURL, apiKey, headers, includeUsage: true, supportsStructuredOutputs: true };
  return { model: createOpenAICompatible(options)(model), prompt, maxRetries: 0 };
}

const langchain: RealClient = {
  name: '@langchain/openai',
  errorClass: openAiClass,
  async whole(ask) {
    const { text, usage_metadata: usage } = await chatOf(ask).invoke([new HumanMessage(ask.prompt)]);
    return { text, inputTokens: usage?.input_tokens, outputTokens: usage?.output_tokens };
  },
  async stream(ask) {
    const heard: Heard = { text: '', inputTokens: undefined, outputTokens: undefined };
    for await (const { text, usage_metadata: usage } of await chatOf(ask).stream([new HumanMessage(ask.prompt)])) {
      heard.text += text;
      heard.inputTokens = usage?.input_tokens ?? heard.inputTokens;
      heard.outputTokens = usage?.output_tokens ?? heard.outputTokens;
    }
    return heard;
  },
  async callTool(ask) {
    const chat = chatOf(ask).bindTools([{ type: 'function', function: weather }]);
    const [call] = (await chat.invoke([new HumanMessage(ask.prompt)])).tool_calls ?? [];
    if (!call) throw new Error('no function was called');
    return { name: call.name, input: call.args };
  },
  json: (ask) =>
    chatOf(ask)
      .withStructuredOutput(describedSchema, { name: 'described', method: 'jsonSchema' })
      .invoke([new HumanMessage(ask.prompt)]),
  async abort(ask) {
    const controller = new AbortController();
    const stream = await chatOf(ask).stream([new HumanMessage(ask.prompt)], { signal: controller.signal });
    for await (const _ of stream) controller.abort();
  },
};

function chatOf({ baseURL, apiKey, model, headers }: Ask) {
  return new ChatOpenAI({ apiKey, model, maxRetries: 0, configuration: { baseURL, defaultHeaders: headers } });
}

/** As far as this file goes, their types are the same. */
const OpenAI6AsOpenAI7 = OpenAI6 as unknown as typeof OpenAI7;

export const realClients: RealClient[] = [
  openAi('openai 6', OpenAI6AsOpenAI7),
  openAi('openai 7', OpenAI7),
  vercel,
  langchain,
];
