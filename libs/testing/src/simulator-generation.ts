import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { answerTo, type Answer, type AnswerPiece, type AnswerRequest } from './simulator-answer.js';
import type { CallLog, RunningCall, SimulatedCall } from './simulator-call-log.js';
import type { SimulatorDialect } from './simulator-dialects.js';
import type { FaultQueue, SimulatorFault } from './simulator-faults.js';
import type { ModelCatalog } from './simulator-models.js';
import { inPace, waitForFirstToken, type Pace } from './simulator-pace.js';
import { sha256Of } from './simulator-request.js';
import { ResponseBody } from './simulator-response-body.js';

export interface SimulatorState {
  models: ModelCatalog;
  pace: Pace;
  faults: FaultQueue;
  calls: CallLog;
  apiKey?: string;
  dialect: SimulatorDialect;
}

export interface TokenCounts {
  promptTokens: number;
  cachedTokens: number;
  /** Reasoning included. */
  completionTokens: number;
  reasoningTokens: number;
}

/** How an answer ended, for the last frames of a stream or the whole body. */
export interface AnswerEnd {
  finish: Answer['finish'];
  /** Absent when the simulator is told to forget it. */
  usage?: TokenCounts;
  promptNs: number;
  generationNs: number;
}

/** One API's way of putting an answer into bytes. */
export interface WireFormat {
  streamHeaders: Record<string, string>;
  startFrame(): string;
  /** With what has been counted so far. */
  deltaFrame(piece: AnswerPiece, usage: TokenCounts | undefined): string;
  keepAliveFrame(stream: boolean): string;
  endFrames(end: AnswerEnd): string;
  errorFrame(message: string): string;
  whole(pieces: readonly AnswerPiece[], end: AnswerEnd): object;
  errorBody(status: number, message: string): object;
}

export interface Generation extends AnswerRequest {
  model: string;
  stream: boolean;
  path: string;
  /** Knows the call's id, with which OpenAI's format names the answer. */
  wire: (callId: string) => WireFormat;
  api: SimulatedCall['api'];
}

interface Exchange {
  state: SimulatorState;
  generation: Generation;
  answer: Answer;
  wire: WireFormat;
  call: RunningCall;
  /** Of what was generated so far. */
  reasoningTokens: number;
  fault?: SimulatorFault;
  response: ServerResponse;
  body: ResponseBody;
  /** Aborted when the connection is gone. */
  signal: AbortSignal;
}

const faultMessage = 'simulated fault';
const garbage = '<html><body>simulated nonsense</body></html>\ndata: {\n\n';
const loggedHeaders = ['x-request-id', 'traceparent'];

/** Answers on the raw response, in the call's pace and with the fault that is due, and logs the call. */
export async function serveGeneration(
  state: SimulatorState,
  generation: Generation,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { model, stream, path, api } = generation;
  const response = reply.hijack().raw;
  const answer = answerTo(generation);
  const fault = state.faults.take({ model, path });
  const requestHeaders = pickHeaders(request);
  const { promptTokens } = answer;
  const bodySha256 = sha256Of(request.body);
  const call = state.calls.start({
    api,
    path,
    model,
    stream,
    promptTokens,
    requestHeaders,
    bodySha256,
    ...(fault && { fault: fault.kind }),
  });
  state.models.markLoaded(model);

  const connection = new AbortController();
  const { signal } = connection;
  response.once('close', () => {
    call.end('client_closed');
    connection.abort();
  });
  const body = new ResponseBody(response, {
    signal,
    ...(fault?.kind === 'cut' && { cutAfterBytes: fault.afterBytes }),
    ...(fault?.kind === 'drip' && { bytesPerSecond: fault.bytesPerSecond }),
    ...(fault?.kind === 'split' && { sliceBytes: fault.bytes }),
    onCut: () => call.end('fault'),
  });
  const wire = generation.wire(call.id);
  try {
    await respond({
      state,
      generation,
      answer,
      wire,
      call,
      reasoningTokens: 0,
      ...(fault && { fault }),
      response,
      body,
      signal,
    });
  } catch (error) {
    // Whoever waits for something rejects when the connection goes; this is how a generation stops.
    if (signal.aborted) return;
    call.end('fault', 'simulator_error');
    response.destroy();
    throw error;
  }
}

async function respond(exchange: Exchange): Promise<void> {
  const { state, generation, fault, response, signal } = exchange;
  if (fault?.kind === 'status') return respondWithStatus(exchange, fault);
  if (fault?.kind === 'hang' && fault.afterTokens === undefined) return stall(response);

  if (fault?.kind === 'garbage') return respondWhole(exchange, 200, garbage, 'fault');

  const startedMs = performance.now();
  await waitForFirstToken(state.pace, signal);
  const promptMs = performance.now() - startedMs;
  const pieces = generation.stream ? await streamPieces(exchange) : await collectPieces(exchange);

  if (fault?.kind === 'hang') return stall(response);
  if (fault?.kind === 'error_frame') return respondWithErrorFrame(exchange);
  const end = {
    finish: exchange.answer.finish,
    ...usageOf(exchange),
    promptNs: toNs(promptMs),
    generationNs: toNs(performance.now() - startedMs - promptMs),
  };
  if (generation.stream) return endStream(exchange, end);
  return respondWhole(exchange, 200, exchange.wire.whole(pieces, end), 'completed');
}

async function streamPieces(exchange: Exchange): Promise<AnswerPiece[]> {
  const { wire, body, response, fault } = exchange;
  response.writeHead(200, { ...wire.streamHeaders, 'x-request-id': exchange.call.id });
  if (fault?.kind === 'keep_alive') await body.write(wire.keepAliveFrame(true).repeat(fault.lines));
  await body.write(wire.startFrame());
  for await (const piece of piecesOf(exchange)) await body.write(wire.deltaFrame(piece, usageOf(exchange).usage));
  return [];
}

async function collectPieces(exchange: Exchange): Promise<AnswerPiece[]> {
  const pieces = [];
  for await (const piece of piecesOf(exchange)) pieces.push(piece);
  return pieces;
}

/** Counts each piece before it is handed on: a piece that the client never took was generated all the same. */
async function* piecesOf(exchange: Exchange): AsyncGenerator<AnswerPiece> {
  const { state, answer, call, fault, signal } = exchange;
  const interrupted = fault?.kind === 'hang' || fault?.kind === 'error_frame';
  const tokensMax = interrupted ? (fault.afterTokens ?? 0) : Infinity;
  for await (const piece of inPace(answer.pieces, state, signal)) {
    if (call.completionTokens + piece.tokens > tokensMax) return;
    call.addTokens(piece.tokens);
    if (piece.kind === 'reasoning') exchange.reasoningTokens += piece.tokens;
    yield piece;
  }
  if (fault?.kind === 'long_line') yield { kind: 'text', text: 'x'.repeat(fault.characters), tokens: 0 };
}

async function endStream({ wire, body, call, fault, response }: Exchange, end: AnswerEnd): Promise<void> {
  if (fault?.kind === 'no_done') {
    call.end('fault');
  } else {
    await body.write(wire.endFrames(end));
    call.end('completed');
  }
  if (fault?.kind === 'linger') return stall(response);
  response.end();
}

async function respondWithErrorFrame(exchange: Exchange): Promise<void> {
  const { generation, wire, body, call, response } = exchange;
  if (!generation.stream) return respondWhole(exchange, 500, wire.errorBody(500, faultMessage), 'fault');
  await body.write(wire.errorFrame(faultMessage));
  call.end('fault');
  response.end();
}

async function respondWithStatus(
  exchange: Exchange,
  { status, body, headers }: Extract<SimulatorFault, { kind: 'status' }>,
): Promise<void> {
  await respondWhole(exchange, status, body ?? exchange.wire.errorBody(status, faultMessage), 'fault', headers);
}

/** Ends the call before the response: whoever has read the answer finds it in the log. */
async function respondWhole(
  exchange: Exchange,
  status: number,
  content: unknown,
  outcome: 'completed' | 'fault',
  headers: Record<string, string> = {},
): Promise<void> {
  const { generation, wire, fault } = exchange;
  const keepAlive = fault?.kind === 'keep_alive' ? wire.keepAliveFrame(generation.stream).repeat(fault.lines) : '';
  const text = keepAlive + (typeof content === 'string' ? content : JSON.stringify(content));
  const type = typeof content === 'string' ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8';
  const { response, body, call } = exchange;
  const length = Buffer.byteLength(text);
  response.writeHead(status, { 'content-type': type, 'content-length': length, 'x-request-id': call.id, ...headers });
  await body.write(text);
  call.end(outcome);
  response.end();
}

async function stall(response: ServerResponse): Promise<void> {
  if (!response.closed) await once(response, 'close');
}

function usageOf(exchange: Exchange): Pick<AnswerEnd, 'usage'> {
  return exchange.fault?.kind === 'missing_usage' ? {} : { usage: countsOf(exchange) };
}

function countsOf({ answer, call, reasoningTokens, fault }: Exchange): TokenCounts {
  if (fault?.kind === 'zero_usage')
    return { promptTokens: 0, cachedTokens: 0, completionTokens: 0, reasoningTokens: 0 };
  const { promptTokens, cachedTokens } = answer;
  return { promptTokens, cachedTokens, completionTokens: call.completionTokens, reasoningTokens };
}

function pickHeaders(request: FastifyRequest): Record<string, string> {
  return Object.fromEntries(
    loggedHeaders.flatMap((name) => {
      const value = request.headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}

function toNs(ms: number): number {
  return Math.round(ms * 1e6);
}
