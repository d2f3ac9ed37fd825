import { AppError } from '@tollgate/contracts';
import { Agent, request, type Dispatcher } from 'undici';
import type { ProviderConfig } from '../catalogue/models-file.js';
import type { ProviderRequest } from './provider.js';

const ERROR_BODY_CHARACTERS_MAX = 2_000;

/** HTTP to one provider: its connection pool, its timeouts, its key, its failures as `provider_error`. */
export class ProviderConnection {
  private readonly agent: Agent;

  constructor(
    private readonly name: string,
    private readonly config: ProviderConfig,
    /** Called when no connection can be made, or no answer comes in time. */
    private readonly onUnreachable: () => void,
  ) {
    this.agent = new Agent({
      connections: config.connections,
      connect: { timeout: config.connectTimeoutMs },
      headersTimeout: config.firstTokenTimeoutMs,
      bodyTimeout: config.idleTimeoutMs,
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
    const decoder = new TextDecoder(); // A character may be split over two chunks.
    try {
      for await (const chunk of chunks) yield decoder.decode(chunk as Buffer, { stream: true });
    } catch (error) {
      throw this.failure('broke the connection', error);
    }
  }

  async getJson(path: string, signal: AbortSignal): Promise<unknown> {
    const body = await this.open('GET', path, signal, {});
    try {
      return await body.json();
    } catch (error) {
      throw this.failure('sent something that is not JSON', error);
    }
  }

  /** What the provider did, and never what it said: its text may hold a key or another customer's data. */
  failure(what: string, cause?: unknown): AppError {
    return new AppError('provider_error', `The provider "${this.name}" ${what}.`, { cause });
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private async open(
    method: 'GET' | 'POST',
    path: string,
    signal: AbortSignal,
    headers: Record<string, string>,
    body?: string,
    dispatcher: Dispatcher = this.agent,
  ) {
    const authorization = this.config.apiKey ? { authorization: `Bearer ${this.config.apiKey}` } : {};
    const options = { method, headers: { ...headers, ...authorization }, body, signal, dispatcher };
    const response = await request(`${this.config.baseUrl}${path}`, options).catch((error: unknown) => {
      if (!signal.aborted) this.onUnreachable();
      throw this.failure('cannot be reached', error);
    });
    if (response.statusCode < 400) return response.body;
    const text = await response.body.text().catch(() => ''); // Only for the log.
    throw this.failure(
      `answered with status ${response.statusCode}`,
      new Error(text.slice(0, ERROR_BODY_CHARACTERS_MAX)),
    );
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
