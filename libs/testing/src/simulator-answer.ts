import { instanceOf, type JsonSchema } from './simulator-json.js';
import { answerTask, excerptOf, findTask, type Task } from './simulator-tasks.js';
import { countPromptTokens, limitPieces, splitIntoPieces, type Piece } from './simulator-tokens.js';

export interface SimulatedMessage {
  role: string;
  content: string;
}

/** What both wire formats ask for, once parsed. */
export interface AnswerRequest {
  messages: SimulatedMessage[];
  json?: 'object' | JsonSchema;
  stop: string[];
  tokensMax?: number;
}

export interface Answer {
  promptTokens: number;
  pieces: Piece[];
  finish: 'stop' | 'length';
}

const mark = '[simulated] ';

/** The same request always gets the same answer. */
export function answerTo(request: AnswerRequest): Answer {
  const whole = splitIntoPieces(cutAtStop(textFor(request), request.stop));
  const pieces = limitPieces(whole, request.tokensMax ?? Infinity);
  return {
    promptTokens: countPromptTokens(request.messages),
    pieces,
    finish: pieces.length < whole.length ? 'length' : 'stop',
  };
}

function textFor({ messages, json }: AnswerRequest): string {
  const question = messages.findLast(({ role }) => role === 'user')?.content ?? messages.at(-1)?.content ?? '';
  const system = messages.filter(({ role }) => role === 'system' || role === 'developer').map(({ content }) => content);
  const task = findTask([...system, question].join('\n\n'));

  if (json === 'object') return JSON.stringify({ simulated: true, answer: mark + proseFor(question, task) });
  if (json) return JSON.stringify(instanceOf(json, mark + excerptOf(task?.text ?? question)));

  const tokens = /SIMULATE_TOKENS=(\d{1,6})/.exec(question)?.[1];
  if (tokens) return textOfTokens(Number(tokens));
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
