import {
  AppError,
  ChatGraph,
  checkJson,
  complete,
  selectModel,
  sumOfUsage,
  type Caller,
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
import { Dispatches } from '../dispatch/dispatches.service.js';
import { TurnStore } from '../turns/turn-store.js';
import { ChatSchemas } from './chat-schemas.service.js';
import { brokenReferences } from './graph-references.js';
import { correctionsOf, refusedJson, type JsonReply } from './json-reply.js';

/** The first time and twice again. */
const TRIES_MAX = 3;
const PROBLEMS_MAX = 20;
const LAST_TEXT_CHARACTERS_MAX = 16_000;

const instructions =
  'Answer with one JSON value that matches the given schema, and nothing else. Use only ids that occur in the graph.';

interface Generated {
  data: unknown;
  model: string;
  usage: Usage;
  attempts: number;
}

/** Objects for other APIs: valid against their schema and against the graph, or an error. */
@Injectable()
export class JsonGeneration {
  constructor(
    private readonly messages: Messages,
    private readonly schemas: ChatSchemas,
    private readonly store: TurnStore,
    private readonly context: ChatContext,
    private readonly dispatches: Dispatches,
  ) {}

  async generate(body: GenerateJsonRequest, caller: Caller, requestId: string): Promise<GenerateJsonResponse> {
    const registered = typeof body.schema === 'string' ? await this.schemas.find(body.schema, caller) : undefined;
    const session = body.session_id ? await this.store.session(body.session_id, caller) : undefined;
    const graph = body.graph ?? (session?.graph ? ChatGraph.parse(session.graph) : undefined);
    // Before a model is asked: what cannot be used or sent is not paid for.
    const schema = await this.usableSchema(body, registered);
    const destination = body.dispatch && (await this.destinationOf(body.dispatch.dry_run, registered, caller));
    const request = await this.requestFor(body, registered, schema, session, graph);
    const generated = await this.ask(request, graph, body.session_id ?? null);
    const origin = { sessionId: session?.id, caller, requestId };
    const dispatch = destination ? await this.dispatches.create(generated.data, destination, origin) : null;
    const named = registered && { name: registered.name, version: registered.version, target: registered.target };
    return { ...generated, session_id: body.session_id ?? null, schema: named ?? null, dispatch };
  }

  private async usableSchema(body: GenerateJsonRequest, registered: RegisteredChatSchema | undefined) {
    if (registered) return registered.schema;
    const schema = typeof body.schema === 'object' ? body.schema : {};
    await this.messages.send(checkJson, { schema, param: 'schema' });
    return schema;
  }

  private async destinationOf(dryRun: boolean, registered: RegisteredChatSchema | undefined, caller: Caller) {
    const secret = registered && (await this.schemas.secretOf(registered, caller));
    return this.dispatches.destinationOf({ registered, secret, dryRun });
  }

  private async requestFor(
    body: GenerateJsonRequest,
    registered: RegisteredChatSchema | undefined,
    schema: Record<string, unknown>,
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
    return {
      task: 'chat-json',
      messages,
      model,
      max_tokens: answerTokens,
      temperature: 0,
      response_format: { type: 'json_schema', json_schema: { name: registered?.name ?? 'object', schema } },
      // Whatever is wrong, with the schema or with the graph, the model is told from here.
      tries_max: 1,
      // A text of a session is kept nowhere but in the session, and goes with it.
      ...(session && { cache: { use: false } }),
    };
  }

  private async ask(
    first: CompletionRequest,
    graph: ChatGraph | undefined,
    sessionId: string | null,
  ): Promise<Generated> {
    let request = first;
    let usage: Usage | undefined;
    let attempts = 0;
    let last: JsonReply | undefined;
    for (let tries = 1; ; tries += 1) {
      const reply: JsonReply = await this.once(request, graph).catch((error: unknown) => {
        // With what was wrong the prompt is too long: the answer that was wrong is the last one.
        if (!last || !usage || AppError.fromUnknown(error).code !== 'context_length_exceeded') throw error;
        throw invalidJson(last, usage, attempts, sessionId);
      });
      last = reply;
      usage = sumOfUsage(usage, reply.usage);
      attempts += reply.attempts;
      if (reply.problems.length === 0) return { data: reply.data, model: reply.model, usage, attempts };
      if (reply.isFinal || tries >= TRIES_MAX) throw invalidJson(reply, usage, attempts, sessionId);
      request = { ...request, messages: [...request.messages, ...correctionsOf(reply)] };
    }
  }

  private async once(request: CompletionRequest, graph: ChatGraph | undefined): Promise<JsonReply> {
    try {
      const { content: text, ...completion } = await this.messages.send(complete, request);
      const data: unknown = JSON.parse(text);
      const problems = graph ? brokenReferences(data, graph).slice(0, PROBLEMS_MAX) : [];
      return { ...completion, text, data, problems, isFinal: false };
    } catch (error) {
      const refused = refusedJson(error);
      if (!refused) throw error;
      return refused;
    }
  }
}

function invalidJson(
  { problems, text, finish_reason, model }: JsonReply,
  usage: Usage,
  attempts: number,
  session_id: string | null,
): AppError {
  const last_text = text.slice(0, LAST_TEXT_CHARACTERS_MAX);
  return new AppError('invalid_structured_output', `The model's answer is not valid: ${problems[0]}`, {
    details: { problems, last_text, finish_reason, attempts, model, usage, session_id },
  });
}
