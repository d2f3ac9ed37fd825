import { Agent, request, type Dispatcher } from 'undici';
import type { ProviderConfig } from '../catalogue/models-file.js';
import { parseJson } from './parse-json.js';
import { providerLookup } from './provider-address.js';
import { failureOfStatus, ProviderFailure, retryAfterMsOf } from './provider-failure.js';
import type { ProviderRequest } from './provider.js';

const ERROR_BODY_CHARACTERS_MAX = 2_000;
const LIST_CHARACTERS_MAX = 4 * 1024 * 1024;

/** HTTP to one provider: its connection pool, its key, its failures as {@link ProviderFailure}. */
export class ProviderConnection {
  private readonly agent: Agent;

  constructor(
    private readonly name: string,
    private readonly config: Pick<
      ProviderConfig,
      'baseUrl' | 'apiKey' | 'connections' | 'connectTimeoutMs' | 'allowPrivate'
    >,
    /** Called when no connection can be made. */
    private readonly onUnreachable: () => void,
  ) {
    this.agent = new Agent({
      connections: config.connections,
      connect: { timeout: config.connectTimeoutMs, lookup: providerLookup(config.allowPrivate) },
      // Silence is measured in tokens, by AttemptTimer: bytes may be mere keep-alives.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Posts JSON and returns the body as decoded text, piece by piece as it arrives. */
  async *post(path: string, body: unknown, origin: ProviderRequest, signal: AbortSignal): AsyncGenerator<string, void> {
    const headers = {
      'content-type': 'application/json',
      'x-request-id': origin.requestId,
      traceparent: origin.traceparent,
    };
    const dispatcher = this.agent.compose(noticeDispatch(signal, origin.onDispatched));
    const chunks = await this.open('POST', path, signal, headers, JSON.stringify(body), dispatcher);
    yield* this.decode(chunks, signal);
  }

  async getJson(path: string, signal: AbortSignal): Promise<unknown> {
    let text = '';
    for await (const piece of this.decode(await this.open('GET', path, signal, {}), signal)) {
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

  private async *decode(chunks: AsyncIterable<Buffer>, signal: AbortSignal): AsyncGenerator<string, void> {
    const decoder = new TextDecoder(); // A character may be split over two chunks.
    try {
      for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true });
    } catch (error) {
      throw signal.aborted ? signal.reason : this.failure('broke the connection', error);
    }
  }

  private async open(
    method: 'GET' | 'POST',
    path: string,
    signal: AbortSignal,
    headers: Record<string, string>,
    body?: string,
    dispatcher: Dispatcher = this.agent,
  ): Promise<AsyncIterable<Buffer>> {
    const authorization = this.config.apiKey ? { authorization: `Bearer ${this.config.apiKey}` } : {};
    const options = { method, headers: { ...headers, ...authorization }, body, signal, dispatcher };
    const response = await request(`${this.config.baseUrl}${path}`, options).catch((error: unknown) => {
      if (signal.aborted) throw signal.reason;
      this.onUnreachable();
      throw this.failure('cannot be reached', error);
    });
    // A redirect is a failure like any other: its target was chosen by nobody here.
    if (response.statusCode < 300) return response.body;
    throw new ProviderFailure(`The provider "${this.name}" answered with status ${response.statusCode}.`, {
      ...failureOfStatus(response.statusCode),
      retryAfterMs: retryAfterMsOf(response.headers, Date.now()),
      body: await this.startOf(response.body, signal),
    });
  }

  /** As much of an error's body as the log takes. */
  private async startOf(body: AsyncIterable<Buffer>, signal: AbortSignal): Promise<string> {
    let text = '';
    try {
      for await (const piece of this.decode(body, signal)) {
        text += piece;
        if (text.length >= ERROR_BODY_CHARACTERS_MAX) break;
      }
    } catch (error) {
      if (signal.aborted) throw error;
    }
    return text.slice(0, ERROR_BODY_CHARACTERS_MAX);
  }
}

/** undici calls onRequestStart when it has a connection and begins to send, unless the request has been given up by then. */
function noticeDispatch(signal: AbortSignal, onDispatched: () => void): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, {
      onRequestStart: (controller, context) => {
        if (!signal.aborted) onDispatched();
        handler.onRequestStart?.(controller, context);
      },
      onRequestUpgrade: (...upgrade) => handler.onRequestUpgrade?.(...upgrade),
      onResponseStart: (...start) => handler.onResponseStart?.(...start),
      onResponseData: (...data) => handler.onResponseData?.(...data),
      onResponseEnd: (...end) => handler.onResponseEnd?.(...end),
      onResponseError: (...error) => handler.onResponseError?.(...error),
    });
}
