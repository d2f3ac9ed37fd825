import type { AnswerPiece } from './simulator-answer.js';
import { errorType, type SimulatorDialect } from './simulator-dialects.js';
import type { TokenCounts, WireFormat } from './simulator-generation.js';

interface WireOptions {
  dialect: SimulatorDialect;
  includeUsage: boolean;
  continuousUsage: boolean;
}

/** The frames and bodies of one answer of /v1/chat/completions. */
export function openAiWire(callId: string, model: string, options: WireOptions): WireFormat {
  const { dialect, includeUsage, continuousUsage } = options;
  const created = Math.floor(Date.now() / 1000);
  const head = { id: `chatcmpl-${callId}`, created, model, system_fingerprint: 'fp_simulated' };
  const event = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
  const chunk = (choices: object[], usage: object | null = null) =>
    event({ ...head, object: 'chat.completion.chunk', choices, ...(includeUsage && { usage }) });
  const choice = (delta: object, finish: string | null) => [{ index: 0, delta, logprobs: null, finish_reason: finish }];
  let calls = 0;
  return {
    streamHeaders: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache, no-transform' },
    startFrame: () => chunk(choice({ role: 'assistant', content: '' }, null)),
    deltaFrame: (piece, usage) => {
      const usageNow = continuousUsage && usage ? toUsage(usage, dialect) : null;
      return deltasOf(piece, `call_${callId}_${calls}`, () => calls++, dialect)
        .map((delta) => chunk(choice(delta, null), usageNow))
        .join('');
    },
    keepAliveFrame: (stream) => (stream ? ': keep-alive\n\n' : '\n'),
    endFrames: ({ finish, usage }) =>
      chunk(choice({}, finish)) +
      (includeUsage && usage ? chunk([], toUsage(usage, dialect)) : '') +
      'data: [DONE]\n\n',
    errorFrame: (message) => event(dialect.errorFrame?.(message) ?? dialect.error(message, errorType(500))),
    whole: (pieces, { finish, usage }) => ({
      ...head,
      object: 'chat.completion',
      choices: [{ index: 0, message: toMessage(pieces, callId, dialect), logprobs: null, finish_reason: finish }],
      ...(usage && { usage: toUsage(usage, dialect) }),
    }),
    errorBody: (status, message) => dialect.error(message, errorType(status)),
  };
}

/** A call comes in three parts: its name, and its arguments in two. */
function deltasOf(piece: AnswerPiece, id: string, nextIndex: () => number, dialect: SimulatorDialect): object[] {
  if (piece.kind === 'text') return [{ content: piece.text }];
  if (piece.kind === 'reasoning') return [{ [dialect.reasoningField]: piece.text }];
  const index = nextIndex();
  const text = JSON.stringify(piece.call.arguments);
  const middle = Math.ceil(text.length / 2);
  return [
    { tool_calls: [{ index, id, type: 'function', function: { name: piece.call.name, arguments: '' } }] },
    { tool_calls: [{ index, function: { arguments: text.slice(0, middle) } }] },
    { tool_calls: [{ index, function: { arguments: text.slice(middle) } }] },
  ];
}

function toMessage(pieces: readonly AnswerPiece[], callId: string, { reasoningField }: SimulatorDialect): object {
  const textOf = (kind: AnswerPiece['kind']) => pieces.map((piece) => (piece.kind === kind ? piece.text : '')).join('');
  const calls = pieces.flatMap((piece) => (piece.kind === 'tool_call' ? [piece.call] : []));
  const reasoning = textOf('reasoning');
  return {
    role: 'assistant',
    content: calls.length > 0 ? null : textOf('text'),
    refusal: null,
    ...(reasoning && { [reasoningField]: reasoning }),
    ...(calls.length > 0 && {
      tool_calls: calls.map((call, index) => ({
        id: `call_${callId}_${index}`,
        type: 'function',
        function: { name: call.name, arguments: JSON.stringify(call.arguments) },
      })),
    }),
  };
}

function toUsage(counts: TokenCounts, dialect: SimulatorDialect): object {
  const { promptTokens, cachedTokens, completionTokens, reasoningTokens } = counts;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens - (dialect.reasoningTokens === 'beside' ? reasoningTokens : 0),
    total_tokens: promptTokens + completionTokens,
    ...(dialect.cachedTokens === 'details'
      ? { prompt_tokens_details: { cached_tokens: cachedTokens } }
      : { prompt_cache_hit_tokens: cachedTokens, prompt_cache_miss_tokens: promptTokens - cachedTokens }),
    ...(dialect.reasoningTokens !== 'not_told' && { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
  };
}
