import { instanceOf, type JsonSchema } from './simulator-json.js';
import { answerTask, excerptOf, findTask, type Task } from './simulator-tasks.js';
import { toolCallsFor, type SimulatedTool, type SimulatedToolCall } from './simulator-tools.js';
import { countPromptTokens, limitPieces, splitIntoPieces, type Piece } from './simulator-tokens.js';

export interface SimulatedMessage {
  role: string;
  content: string;
}

/** What both wire formats ask for, once parsed. */
export interface AnswerRequest {
  messages: SimulatedMessage[];
  json?: 'object' | JsonSchema;
  /** Those that may be called. */
  tools?: readonly SimulatedTool[];
  stop: string[];
  tokensMax?: number;
}

/** What the model writes at once: words of its answer or of its reasoning, or a whole call of a tool. */
export type AnswerPiece = Piece &
  ({ kind: 'text' } | { kind: 'reasoning' } | { kind: 'tool_call'; call: SimulatedToolCall });

export interface Answer {
  promptTokens: number;
  /** How many of the prompt's tokens are said to have been cached. */
  cachedTokens: number;
  pieces: AnswerPiece[];
  finish: 'stop' | 'length' | 'tool_calls';
}

const mark = '[simulated] ';

/** The same request always gets the same answer. */
export function answerTo(request: AnswerRequest): Answer {
  const question = questionOf(request.messages);
  const calls = toolCallsFor(request.tools ?? [], request.messages, mark + excerptOf(question));
  const reasoning = piecesOf('reasoning', textOfTokens(directive('REASONING_TOKENS', question) ?? 0));
  const text = calls.length > 0 ? [] : piecesOf('text', cutAtStop(textFor(request, question), request.stop));
  const whole = [...reasoning, ...text, ...calls.map(toPiece)];
  const pieces = limitPieces(whole, request.tokensMax ?? Infinity);
  const tools = request.tools?.length ? [{ content: JSON.stringify(request.tools) }] : [];
  const promptTokens = countPromptTokens([...request.messages, ...tools]);
  return {
    promptTokens,
    cachedTokens: Math.min(directive('CACHED_TOKENS', question) ?? 0, promptTokens),
    pieces,
    finish: pieces.length < whole.length ? 'length' : calls.length > 0 ? 'tool_calls' : 'stop',
  };
}

function piecesOf(kind: 'text' | 'reasoning', text: string): AnswerPiece[] {
  return splitIntoPieces(text).map((piece) => ({ ...piece, kind }));
}

function toPiece(call: SimulatedToolCall): AnswerPiece {
  const tokens = splitIntoPieces(call.name + JSON.stringify(call.arguments)).reduce(
    (sum, piece) => sum + piece.tokens,
    0,
  );
  return { kind: 'tool_call', call, text: '', tokens };
}

function questionOf(messages: readonly SimulatedMessage[]): string {
  return messages.findLast(({ role }) => role === 'user')?.content ?? messages.at(-1)?.content ?? '';
}

/** A number that a test asks for in the prompt: SIMULATE_TOKENS=12. */
function directive(name: string, question: string): number | undefined {
  const digits = new RegExp(`SIMULATE_${name}=(\\d{1,6})`).exec(question)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function textFor({ messages, json }: AnswerRequest, question: string): string {
  const system = messages.filter(({ role }) => role === 'system' || role === 'developer').map(({ content }) => content);
  const task = findTask([...system, question].join('\n\n'));

  if (json === 'object') return JSON.stringify({ simulated: true, answer: mark + proseFor(question, task) });
  if (json) return JSON.stringify(instanceOf(json, mark + excerptOf(task?.text ?? question)));

  const tokens = directive('TOKENS', question);
  if (tokens !== undefined) return textOfTokens(tokens);
  return mark + proseFor(question, task);
}

function proseFor(question: string, task: Task | undefined): string {
  if (task) return answerTask(task);
  return `You wrote: "${excerptOf(question)}". No model was asked; this answer only shows that the request arrived whole.`;
}

function textOfTokens(tokens: number): string {
  const enough = mark.trimEnd() + ' word'.repeat(tokens);
  return limitPieces(splitIntoPieces(enough), tokens)
    .map(({ text }) => text)
    .join('');
}

function cutAtStop(text: string, stop: readonly string[]): string {
  const ends = stop.filter((sequence) => sequence !== '').map((sequence) => text.indexOf(sequence));
  const end = Math.min(...ends.filter((index) => index >= 0));
  return Number.isFinite(end) ? text.slice(0, end) : text;
}
