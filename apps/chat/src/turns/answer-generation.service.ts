import {
  AppError,
  ChatGraph,
  selectModel,
  streamCompletion,
  sumOfUsage,
  type ChatMessage,
  type CompletionPart,
  type CompletionRequest,
  type ToolCall,
  type Usage,
} from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Injectable } from '@nestjs/common';
import { ChatContext } from '../context/chat-context.service.js';
import { metrics } from '../coordination/metrics.js';
import { callCorrections } from '../functions/call-corrections.js';
import { CallCollector } from '../functions/call-collector.js';
import { FunctionCalls, type JudgedCalls } from '../functions/function-calls.service.js';
import type { AnswerWriter } from './answer-writer.js';
import type { Ending, Turn } from './turn-store.js';

/** The first time and twice again. */
const TRIES_MAX = 3;

export interface AnswerOptions {
  model?: string | null;
  max_tokens?: number | null;
  temperature?: number | null;
}

/** What one call of a model gave, once its text has been written. */
interface Reply {
  text: string;
  calls: ToolCall[];
  end: Extract<CompletionPart, { type: 'end' }>;
}

/**
 * Has a model answer a turn. Functions that it calls are judged before anybody hears of them: what is wrong is told to the
 * model, twice at most, and every attempt is billed. What it says beside a refused call has been streamed, and stays.
 */
@Injectable()
export class AnswerGeneration {
  constructor(
    private readonly messages: Messages,
    private readonly context: ChatContext,
    private readonly functions: FunctionCalls,
  ) {}

  async generate(turn: Turn, options: AnswerOptions, writer: AnswerWriter): Promise<Ending> {
    let request = await this.completionFor(turn, options);
    let usage: Usage | undefined;
    let refused: AppError | undefined;
    for (let tries = 1; ; tries += 1) {
      const reply = await this.ask(request, writer).catch((error: unknown) => {
        // With what was wrong the prompt is too long: that is the answer then.
        throw refused && AppError.fromUnknown(error).code === 'context_length_exceeded' ? refused : error;
      });
      usage = sumOfUsage(usage, reply.end.usage);
      const judged = await this.judge(reply, turn);
      if (!judged) return endingOf(reply, writer, usage);
      const { problems, isFinal } = judged;
      metrics.functionCalls.inc({ outcome: 'refused' }, reply.calls.length);
      refused = invalidCalls(problems, reply, tries, turn.session.id);
      if (isFinal || tries >= TRIES_MAX) throw refused;
      const corrections = callCorrections(reply.text, reply.calls, problems);
      request = { ...request, messages: [...request.messages, ...corrections] };
    }
  }

  private async ask(request: CompletionRequest, writer: AnswerWriter): Promise<Reply> {
    const before = writer.text.length;
    const calls = new CallCollector();
    for await (const part of this.messages.stream(streamCompletion, request)) {
      switch (part.type) {
        case 'start':
          await writer.start();
          break;
        case 'delta':
          await writer.push(part.text);
          break;
        case 'tool_call':
          calls.add(part);
          break;
        case 'end':
          await writer.flush();
          return { text: writer.text.slice(before), calls: calls.all(), end: part };
        case 'reasoning':
          break; // Not asked for.
        default:
          part satisfies never;
      }
    }
    throw new AppError('reply_lost', 'The answer ended early.');
  }

  /** Undefined when the reply can stand. */
  private async judge({ calls, end }: Reply, { functions, session }: Turn): Promise<JudgedCalls | undefined> {
    if (calls.length === 0) return undefined;
    // Asked again it would be cut again.
    const isCut = end.finish_reason === 'length';
    if (!functions) return { problems: calls.map(() => ['no function was offered']), isFinal: isCut };
    const graph = session.graph === null ? undefined : ChatGraph.parse(session.graph);
    const { problems, isFinal } = await this.functions.judge(calls, functions, graph);
    return problems.some(({ length }) => length > 0) ? { problems, isFinal: isFinal || isCut } : undefined;
  }

  private async completionFor(turn: Turn, options: AnswerOptions): Promise<CompletionRequest> {
    const { functions } = turn;
    const model = options.model ?? turn.session.model ?? undefined;
    const choice = await this.messages.send(selectModel, { model });
    const messages: ChatMessage[] = await this.context.promptFor(turn, choice, {
      model,
      answerTokens: options.max_tokens ?? undefined,
      tools: functions?.tools,
    });
    return {
      task: 'chat',
      messages,
      model,
      max_tokens: options.max_tokens ?? undefined,
      temperature: options.temperature ?? undefined,
      ...functions,
      // A text of a session is kept nowhere but in the session, and goes with it.
      cache: { use: false },
    };
  }
}

function endingOf({ calls, end }: Reply, writer: AnswerWriter, usage: Usage): Ending {
  const { model, finish_reason: finishReason } = end;
  if (calls.length > 0) metrics.functionCalls.inc({ outcome: 'valid' }, calls.length);
  const toolCalls = calls.length > 0 ? calls : undefined;
  return { state: 'complete', content: writer.text, toolCalls, model, usage, finishReason };
}

function invalidCalls(
  problems: readonly (readonly string[])[],
  { calls, end }: Reply,
  tries: number,
  session_id: string,
): AppError {
  const named = calls.flatMap(({ function: { name } }, index) =>
    (problems[index] ?? []).map((problem) => `${name}: ${problem}`),
  );
  return new AppError('invalid_structured_output', `The model's call of a function is not valid: ${named[0]}`, {
    details: {
      problems: named,
      last_text: JSON.stringify(calls.map((call) => call.function)).slice(0, 16_000),
      finish_reason: end.finish_reason,
      attempts: tries,
      model: end.model,
      session_id,
    },
  });
}
