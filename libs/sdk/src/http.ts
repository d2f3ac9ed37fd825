import { errorOf, TollgateError } from './errors.js';
import { readEvents } from './events.js';
import { isRetryable, reasonOf, retryDelayMs, wait, WAIT_MAX_MS } from './retries.js';

export interface HttpOptions {
  /** Of the gateway, such as `https://api.example.com`. */
  baseUrl: string;
  /** An API key or an access token; a function is asked before every try, so that it can refresh a token. */
  apiKey?: string | (() => string | Promise<string>);
  /** For the whole of one try; for a stream the longest silence (the gateway pings every 10 s). Default five minutes. */
  timeoutMs?: number;
  /** After the first try. Default 2. */
  retriesMax?: number;
  /** In place of the global `fetch`. */
  fetch?: typeof fetch;
}

export interface CallOptions {
  /** Aborting it stops the model too. */
  signal?: AbortSignal;
  timeoutMs?: number;
  retriesMax?: number;
  /** In place of a random one, which every call that costs gets, so that a retry is never charged again. */
  idempotencyKey?: string;
  headers?: Record<string, string>;
}

type QueryValue = string | number | boolean | null | undefined;

/** What a generated method asks for. */
export interface HttpRequest {
  method: string;
  path: string;
  query?: Record<string, QueryValue | readonly QueryValue[]>;
  /** An object is sent as JSON. */
  body?: object | string;
  /** Of a body that is a text. */
  contentType?: string;
  /** Becomes a field of the body. */
  stream?: boolean;
  accept?: string;
  /** The gateway repeats its answer to the same Idempotency-Key. */
  isKeyed?: boolean;
}

const TIMEOUT_MS = 300_000;
const RETRIES = 2;

interface Answer {
  response: Response;
  /** Starts the time for the next part anew. */
  isAlive: () => void;
  end: () => void;
}

/** One request with its retries and timeouts, in the ways that its answer can be read. Uses nothing but `fetch`. */
export class Http {
  constructor(private readonly options: HttpOptions) {}

  /** The shape is what the gateway's own tests check its answers against. */
  async json<Shape>(request: HttpRequest, options?: CallOptions): Promise<Shape> {
    return this.read<Shape>(request, options, async (response) => JSON.parse(await response.text()));
  }

  text(request: HttpRequest, options?: CallOptions): Promise<string> {
    return this.read(request, options, (response) => response.text());
  }

  async nothing(request: HttpRequest, options?: CallOptions): Promise<void> {
    await this.read(request, options, (response) => response.arrayBuffer());
  }

  /** Sent when it is first read. Leaving the loop over it ends the stream, and stops the model. */
  async *events<Event>(request: HttpRequest, options?: CallOptions): AsyncGenerator<Event, void> {
    const { response, isAlive, end } = await this.send({ accept: 'text/event-stream', ...request }, options);
    try {
      if (!response.body) throw new TollgateError('stream_cut', 'The answer has no body.');
      for await (const event of readEvents<Event>(response.body, isAlive)) {
        // What had arrived before the abort is not handed out after it.
        options?.signal?.throwIfAborted();
        yield event;
      }
    } catch (error) {
      throw failureOf(error, options?.signal);
    } finally {
      end();
    }
  }

  private async read<Result>(
    request: HttpRequest,
    options: CallOptions | undefined,
    reader: (response: Response) => Promise<Result>,
  ): Promise<Result> {
    const { response, end } = await this.send(request, options);
    try {
      return await reader(response);
    } catch (error) {
      throw failureOf(error, options?.signal);
    } finally {
      end();
    }
  }

  private async send(request: HttpRequest, options: CallOptions = {}): Promise<Answer> {
    const retriesMax = options.retriesMax ?? this.options.retriesMax ?? RETRIES;
    const key = request.isKeyed ? (options.idempotencyKey ?? crypto.randomUUID()) : options.idempotencyKey;
    const isSafe = key !== undefined || ['GET', 'PUT', 'DELETE'].includes(request.method);
    for (let tried = 1; ; tried += 1) {
      const outcome = await this.try(request, { ...options, idempotencyKey: key });
      if ('response' in outcome && outcome.response.ok) return outcome;
      const isLast = tried > retriesMax;
      if ('failure' in outcome) {
        if (isLast || !isSafe) throw outcome.failure;
        await wait(retryDelayMs(tried), options.signal);
        continue;
      }
      const { response } = outcome;
      const delayMs = retryDelayMs(tried, response.headers);
      if (isLast || delayMs > WAIT_MAX_MS || !isRetryable(response, isSafe)) throw await refusalOf(outcome);
      await response.body?.cancel();
      outcome.end();
      await wait(delayMs, options.signal);
    }
  }

  /** Raises only the reason of an abort. */
  private async try(request: HttpRequest, options: CallOptions): Promise<Answer | { failure: TollgateError }> {
    const { signal, timeoutMs = this.options.timeoutMs ?? TIMEOUT_MS } = options;
    const controller = new AbortController();
    const timedOut = new TollgateError('timed_out', `No answer within ${timeoutMs} ms.`);
    const abort = () => controller.abort(signal?.reason);
    const startTimer = () => setTimeout(() => controller.abort(timedOut), timeoutMs);
    let timer = startTimer();
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    const isAlive = () => {
      clearTimeout(timer);
      timer = startTimer();
    };
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
    try {
      const response = await (this.options.fetch ?? fetch)(this.urlOf(request), {
        method: request.method,
        headers: await this.headersOf(request, options),
        body: bodyOf(request),
        signal: controller.signal,
      });
      return { response, isAlive, end };
    } catch (error) {
      end();
      const failure = failureOf(error, signal);
      if (failure instanceof TollgateError) return { failure };
      throw failure;
    }
  }

  private urlOf({ path, query = {} }: HttpRequest): string {
    const url = new URL(this.options.baseUrl.replace(/\/+$/, '') + path);
    for (const [name, value] of Object.entries(query)) {
      for (const each of [value].flat())
        if (each !== undefined && each !== null) url.searchParams.append(name, String(each));
    }
    return url.href;
  }

  private async headersOf(request: HttpRequest, options: CallOptions) {
    const { accept = 'application/json', body, contentType = 'application/json', stream } = request;
    const { apiKey } = this.options;
    const token = typeof apiKey === 'function' ? await apiKey() : apiKey;
    return {
      accept,
      ...((body ?? stream) === undefined ? {} : { 'content-type': contentType }),
      ...(token && { authorization: `Bearer ${token}` }),
      ...(options.idempotencyKey && { 'idempotency-key': options.idempotencyKey }),
      ...options.headers,
    };
  }
}

function bodyOf({ body, stream }: HttpRequest): string | undefined {
  if (typeof body === 'string') return body;
  if (stream !== undefined) return JSON.stringify({ ...body, stream });
  return body === undefined ? undefined : JSON.stringify(body);
}

async function refusalOf({ response, end }: Answer): Promise<TollgateError> {
  const { status } = response;
  const body: unknown = await response.json().catch(() => undefined); // Not from the gateway: a proxy's page.
  end();
  return (
    errorOf(body, status) ?? new TollgateError('internal', `The answer was ${status} without a reason.`, { status })
  );
}

/** An abort stays what its signal says; our own errors stay; everything else is the connection. */
function failureOf(thrown: unknown, signal: AbortSignal | undefined): Error {
  if (signal?.aborted) return reasonOf(signal);
  if (thrown instanceof TollgateError) return thrown;
  return new TollgateError('connection_failed', 'The gateway could not be reached, or the connection broke.', {
    cause: thrown,
  });
}
