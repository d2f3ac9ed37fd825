import { Agent } from 'undici';
import type { ProviderConfig } from '../catalogue/models-file.js';
import { parseJson } from './parse-json.js';
import { providerLookup } from './provider-address.js';
import { ProviderAnswer } from './provider-answer.js';
import { failureOfStatus, ProviderFailure, retryAfterMsOf } from './provider-failure.js';
import type { ProviderRequest } from './provider.js';

const ERROR_BODY_CHARACTERS_MAX = 2_000;
const LIST_CHARACTERS_MAX = 4 * 1024 * 1024;

/** HTTP to one provider: its connection pool, its key, its failures as {@link ProviderFailure}. */
export class ProviderConnection {
  private readonly agent: Agent;
  private readonly baseUrl: { origin: string; pathname: string };

  constructor(
    private readonly name: string,
    private readonly config: Pick<
      ProviderConfig,
      'baseUrl' | 'apiKey' | 'connections' | 'connectTimeoutMs' | 'allowPrivate'
    >,
    /** Called when no connection can be made. */
    private readonly onUnreachable: () => void,
  ) {
    const { origin, pathname } = new URL(config.baseUrl);
    this.baseUrl = { origin, pathname: pathname.replace(/\/$/, '') };
    this.agent = new Agent({
      connections: config.connections,
      connect: { timeout: config.connectTimeoutMs, lookup: providerLookup(config.allowPrivate) },
      // Silence is measured in tokens, by AttemptTimer: bytes may be mere keep-alives.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Posts JSON and returns the body as decoded text, in pieces as it arrives. */
  async *post(path: string, body: unknown, origin: ProviderRequest, signal: AbortSignal): AsyncGenerator<string, void> {
    const headers = {
      'content-type': 'application/json',
      'x-request-id': origin.requestId,
      traceparent: origin.traceparent,
    };
    const answer = new ProviderAnswer(signal, origin.onDispatched);
    yield* await this.open(answer, { method: 'POST', path, headers, body: JSON.stringify(body) }, signal);
  }

  async getJson(path: string, signal: AbortSignal): Promise<unknown> {
    let text = '';
    const answer = new ProviderAnswer(signal, () => undefined);
    for await (const piece of await this.open(answer, { method: 'GET', path }, signal)) {
      text += piece;
      if (text.length > LIST_CHARACTERS_MAX) throw this.failure('sent more than can be a list');
    }
    return parseJson(text);
  }

  /** What the provider did, and never what it said. Another try may go well. */
  failure(what: string, cause?: unknown): ProviderFailure {
    return new ProviderFailure(`The provider "${this.name}" ${what}.`, {
      category: 'api_error',
      verdict: 'retry',
      cause,
    });
  }

  async close(): Promise<void> {
    await this.agent.close();
  }

  /** Resolves to the body of a good answer. */
  private async open(
    answer: ProviderAnswer,
    { path, headers, ...request }: ProviderCall,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<string, void>> {
    const { origin, pathname } = this.baseUrl;
    const authorization = this.config.apiKey ? { authorization: `Bearer ${this.config.apiKey}` } : {};
    this.agent.dispatch(
      { ...request, origin, path: `${pathname}${path}`, headers: { ...headers, ...authorization } },
      answer,
    );
    const head = await answer.head().catch((error: unknown) => {
      if (signal.aborted) throw signal.reason;
      this.onUnreachable();
      throw this.failure('cannot be reached', error);
    });
    // A redirect is a failure like any other: its target was chosen by nobody here.
    if (head.status < 300) return this.bodyOf(answer, signal);
    throw new ProviderFailure(`The provider "${this.name}" answered with status ${head.status}.`, {
      ...failureOfStatus(head.status),
      retryAfterMs: retryAfterMsOf(head.headers, Date.now()),
      body: await this.startOf(answer, signal),
    });
  }

  private async *bodyOf(answer: ProviderAnswer, signal: AbortSignal): AsyncGenerator<string, void> {
    try {
      yield* answer.text();
    } catch (error) {
      throw signal.aborted ? signal.reason : this.failure('broke the connection', error);
    }
  }

  /** As much of an error's body as the log takes. */
  private async startOf(answer: ProviderAnswer, signal: AbortSignal): Promise<string> {
    let text = '';
    try {
      for await (const piece of answer.text()) {
        text += piece;
        if (text.length >= ERROR_BODY_CHARACTERS_MAX) break;
      }
    } catch {
      signal.throwIfAborted();
    }
    return text.slice(0, ERROR_BODY_CHARACTERS_MAX);
  }
}

interface ProviderCall {
  method: 'GET' | 'POST';
  /** Behind the provider's base URL. */
  path: string;
  headers?: Record<string, string>;
  body?: string;
}
