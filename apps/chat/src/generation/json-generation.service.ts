import {
  AppError,
  ChatGraph,
  complete,
  selectModel,
  sumOfUsage,
  type Caller,
  type Completion,
  type CompletionRequest,
  type GenerateJsonRequest,
  type GenerateJsonResponse,
  type RegisteredChatSchema,
  type Usage,
} from '@tollgate/contracts';
import type { ChatSession } from '@tollgate/database';
import { Messages } from '@tollgate/messaging';
import { Injectable } from '@nestjs/common';
import { ChatContext } from '../context/chat-context.service.js';
import { TurnStore } from '../turns/turn-store.js';
import { ChatSchemas } from './chat-schemas.service.js';
import { brokenReferences } from './graph-references.js';

/** The first time and twice again. The router asks again by itself for what does not match the schema. */
const TRIES_MAX = 3;
const LAST_TEXT_CHARACTERS_MAX = 16_000;
const PROBLEMS_MAX = 20;

const instructions =
  'Answer with one JSON value that matches the given schema, and nothing else. Use only ids that occur in the graph.';

/** Objects for other APIs: valid against their schema and against the graph, or an error. */
@Injectable()
export class JsonGeneration {
  constructor(
    private readonly messages: Messages,
    private readonly schemas: ChatSchemas,
    private readonly store: TurnStore,
    private readonly context: ChatContext,
  ) {}

  async generate(body: GenerateJsonRequest, caller: Caller): Promise<GenerateJsonResponse> {
    const registered = typeof body.schema === 'string' ? await this.schemas.find(body.schema, caller) : undefined;
    const session = body.session_id ? await this.store.session(body.session_id, caller) : undefined;
    const graph = body.graph ?? (session?.graph ? ChatGraph.parse(session.graph) : undefined);
    const request = await this.requestFor(body, registered, session, graph);
    const { completion, data, usage, attempts } = await this.ask(request, graph);
    const schema = registered && { name: registered.name, version: registered.version, target: registered.target };
    return { data, schema: schema ?? null, model: completion.model, usage, attempts };
  }

  private async requestFor(
    body: GenerateJsonRequest,
    registered: RegisteredChatSchema | undefined,
    session: ChatSession | undefined,
    graph: ChatGraph | undefined,
  ): Promise<CompletionRequest> {
    const model = body.model ?? session?.model ?? undefined;
    const answerTokens = body.max_tokens ?? undefined;
    const choice = await this.messages.send(selectModel, { model });
    const question = body.prompt ?? `Make the ${registered?.name ?? 'object'} that this conversation asks for.`;
    const systemPrompt = [session?.systemPrompt ?? '', registered?.description ?? '', instructions]
      .filter((text) => text !== '')
      .join('\n\n');
    const messages = await this.context.promptForQuestion({ session, systemPrompt, graph, question }, choice, {
      model,
      answerTokens,
    });
    const schema = registered?.schema ?? (typeof body.schema === 'object' ? body.schema : {});
    return {
      task: 'chat-json',
      messages,
      model,
      max_tokens: answerTokens,
      temperature: 0,
      response_format: { type: 'json_schema', json_schema: { name: registered?.name ?? 'object', schema } },
    };
  }

  /** What matches the schema may still speak of nodes that do not exist: the model is told, twice at most. */
  private async ask(first: CompletionRequest, graph: ChatGraph | undefined) {
    let request = first;
    let usage: Usage | undefined;
    let attempts = 0;
    for (let tries = 1; ; tries += 1) {
      const completion = await this.messages.send(complete, request);
      usage = usage ? sumOfUsage(usage, completion.usage) : completion.usage;
      attempts += completion.attempts;
      const data: unknown = JSON.parse(completion.content);
      const problems = graph ? brokenReferences(data, graph).slice(0, PROBLEMS_MAX) : [];
      if (problems.length === 0) return { completion, data, usage, attempts };
      if (tries >= TRIES_MAX) throw invalidReferences(problems, completion, attempts);
      request = { ...request, messages: [...request.messages, ...correctionOf(completion.content, problems)] };
    }
  }
}

function correctionOf(answer: string, problems: readonly string[]): CompletionRequest['messages'] {
  const lines = ['Your answer refers to nodes that do not exist:', ...problems.map((problem) => `- ${problem}`)];
  return [
    { role: 'assistant', content: answer },
    { role: 'user', content: [...lines, 'Answer again with the corrected JSON and nothing else.'].join('\n') },
  ];
}

function invalidReferences(
  problems: string[],
  { content, finish_reason, model }: Completion,
  attempts: number,
): AppError {
  return new AppError('invalid_structured_output', `The model's answer is not valid: ${problems[0]}`, {
    details: { problems, last_text: content.slice(0, LAST_TEXT_CHARACTERS_MAX), finish_reason, attempts, model },
  });
}
