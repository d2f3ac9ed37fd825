import { randomUUID } from 'node:crypto';
import { MeResponse, TokenResponse } from '@tollgate/contracts';

const PASSWORD = 'correct horse battery';

/** A frontend with an account of its own. */
export class TestClient {
  private constructor(
    private readonly url: string,
    readonly email: string,
    /** What the client sends with every request. */
    public accessToken: string,
    private readonly password = PASSWORD,
  ) {}

  static async register(url: string, password = PASSWORD): Promise<TestClient> {
    const email = `${randomUUID()}@example.com`;
    const response = await fetch(`${url}/api/v1/auth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password }),
    });
    if (response.status !== 201) throw new Error(`register: ${response.status} ${await response.text()}`);
    return new TestClient(url, email, TokenResponse.parse(await response.json()).access_token, password);
  }

  /** The same user at another gateway. */
  at(url: string): TestClient {
    return new TestClient(url, this.email, this.accessToken, this.password);
  }

  /** Logs in again, so that the token has what has changed since. */
  async login(): Promise<void> {
    const response = await this.post('/api/v1/auth/login', { email: this.email, password: this.password });
    this.accessToken = TokenResponse.parse(await response.json()).access_token;
  }

  post(path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method: 'POST',
      ...init,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${this.accessToken}`,
        ...Object.fromEntries(new Headers(init.headers)),
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  get token(): string {
    return this.accessToken;
  }

  get(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, { ...init, headers: { authorization: `Bearer ${this.accessToken}` } });
  }

  /** Without a body. */
  send(method: 'GET' | 'DELETE' | 'POST', path: string): Promise<Response> {
    return fetch(`${this.url}${path}`, { method, headers: { authorization: `Bearer ${this.accessToken}` } });
  }

  async me(): Promise<MeResponse> {
    return MeResponse.parse(await (await this.send('GET', '/api/v1/users/me')).json());
  }
}

export interface ServerSentEvents {
  /** JSON of every event but the last. */
  events: Record<string, unknown>[];
  isDone: boolean;
}

/** Reads a stream to its end; fails on an event that is not one `data:` line. */
export async function readEvents(
  response: Response,
  onEvent: (event: Record<string, unknown>) => void = () => undefined,
): Promise<ServerSentEvents> {
  const events: Record<string, unknown>[] = [];
  let isDone = false;
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    rest += decoder.decode(chunk as Uint8Array, { stream: true });
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      if (block.startsWith(':')) continue;
      if (!block.startsWith('data: ') || block.includes('\n')) throw new Error(`not an event: ${block}`);
      const data = block.slice('data: '.length);
      if (data === '[DONE]') isDone = true;
      else {
        const event = JSON.parse(data) as Record<string, unknown>;
        events.push(event);
        onEvent(event);
      }
    }
  }
  return { events, isDone };
}
