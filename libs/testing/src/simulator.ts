import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { CallLog } from './simulator-call-log.js';
import { addControlRoutes, controlsOf, type SimulatorControls } from './simulator-control.js';
import { FaultQueue, type SimulatorFault } from './simulator-faults.js';
import type { SimulatorState } from './simulator-generation.js';
import {
  errorType,
  simulatorDialects,
  type SimulatorDialect,
  type SimulatorDialectName,
} from './simulator-dialects.js';
import { ModelCatalog } from './simulator-models.js';
import { addOllamaRoutes, ollamaError } from './simulator-ollama.js';
import { addOpenAiRoutes } from './simulator-openai.js';

export interface SimulatorOptions {
  /** 0, the default, takes a free one. */
  port?: number;
  host?: string;
  /** Infinity, the default, and 0 mean as fast as the reader takes them. */
  tokensPerSecond?: number;
  firstTokenMs?: number;
  /** Served by both APIs, instead of the default ones. */
  models?: string[];
  /** Each call is appended as a line of JSON when it ends. */
  logFile?: string;
  /** The bearer token that /v1 asks for; without it, any will do. */
  apiKey?: string;
  /** Whom /v1 imitates; without it, a server that takes everything. */
  dialect?: SimulatorDialectName;
}

export interface Simulator extends SimulatorControls {
  readonly url: string;
  readonly port: number;
  /** Cuts the calls that are still running. */
  close(): Promise<void>;
}

const bodyBytesMax = 64 * 1024 * 1024;
const generatingPaths = new Set(['/api/chat', '/api/generate', '/v1/chat/completions']);

/** A stand-in for Ollama and for OpenAI-compatible servers. Every answer says that it is simulated. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { host = '127.0.0.1', tokensPerSecond = Infinity, firstTokenMs = 0, apiKey } = options;
  const state: SimulatorState = {
    models: new ModelCatalog(options.models),
    pace: { tokensPerSecond, firstTokenMs },
    faults: new FaultQueue(),
    calls: new CallLog(options.logFile),
    dialect: simulatorDialects[options.dialect ?? 'any'],
    ...(apiKey && { apiKey }),
  };
  const controls = controlsOf(state);

  const app = Fastify({ bodyLimit: bodyBytesMax, forceCloseConnections: true });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  addFaultHook(app, state);
  addControlRoutes(app, controls);
  await app.register(async (scope) => addOllamaRoutes(scope, state));
  await app.register(async (scope) => addOpenAiRoutes(scope, state));

  const url = await app.listen({ host, port: options.port ?? 0 });
  return {
    ...controls,
    url,
    port: Number(new URL(url).port),
    close: async () => {
      state.calls.endRunning('simulator_closed');
      await app.close();
      await state.calls.close();
    },
  };
}

/** Faults of the routes that generate nothing; those that do take theirs when they know the model. */
function addFaultHook(app: FastifyInstance, { faults, dialect }: SimulatorState): void {
  app.addHook('onRequest', async (request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    if (generatingPaths.has(path) || path.startsWith('/simulator/')) return;
    const fault = faults.take({ path });
    if (!fault) return;
    if (fault.kind === 'status') return sendStatus(reply, path, fault, dialect);
    const { raw } = reply.hijack();
    if (fault.kind !== 'hang') raw.destroy();
  });
}

function sendStatus(
  reply: FastifyReply,
  path: string,
  { status, body, headers = {} }: Extract<SimulatorFault, { kind: 'status' }>,
  dialect: SimulatorDialect,
): FastifyReply {
  const message = 'simulated fault';
  const standard = path.startsWith('/v1/') ? dialect.error(message, errorType(status)) : ollamaError(message);
  return reply
    .code(status)
    .headers(headers)
    .send(body ?? standard);
}
