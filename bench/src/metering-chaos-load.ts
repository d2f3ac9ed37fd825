import { setTimeout as sleep } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import { z } from 'zod';
import { user } from './metering-chaos-stack.js';

const WORKERS = 12;
const REST_AFTER_FAILURE_MS = 100;
const GIVE_UP_MS = 20_000;

const Login = z.object({ access_token: z.string() });
const Whole = z.object({ tokens_used: z.number() });
const End = z.object({
  type: z.literal('end'),
  usage: z.object({ input_tokens: z.number(), output_tokens: z.number() }),
});

/** What a client was told: the end of its answer, and what it used. */
export interface Acknowledged {
  requestId: string;
  tokens: number;
}

/** Clients that ask without a pause, half of them for streams, some of which they leave in the middle. */
export class ChaosLoad {
  readonly acknowledged: Acknowledged[] = [];
  failed = 0;
  abandoned = 0;
  private isStopping = false;
  private workers: Promise<void>[] = [];

  constructor(private readonly gatewayUrl: string) {}

  async start(): Promise<void> {
    const login = await fetch(`${this.gatewayUrl}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(user),
    });
    const { access_token: token } = Login.parse(await login.json());
    this.workers = Array.from({ length: WORKERS }, (_, index) => this.work(token, index));
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await Promise.all(this.workers);
  }

  private async work(token: string, index: number): Promise<void> {
    for (let round = 0; !this.isStopping; round++) {
      try {
        const isStream = (index + round) % 2 === 0;
        const leavesAfterMs = isStream && Math.random() < 0.3 ? Math.random() * 200 : undefined;
        await this.ask(token, isStream, leavesAfterMs);
      } catch {
        // Whatever it was, the client was not told of an end; what the ledger says of it is checked later.
        this.failed += 1;
        await sleep(REST_AFTER_FAILURE_MS);
      }
    }
  }

  private async ask(token: string, isStream: boolean, leavesAfterMs: number | undefined): Promise<void> {
    const leaving = new AbortController();
    const timer = setTimeout(() => leaving.abort(), leavesAfterMs ?? GIVE_UP_MS);
    try {
      const response = await fetch(`${this.gatewayUrl}/api/v1/llm/chat${isStream ? '/stream' : ''}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ message: `Tell me about the number ${Math.random()}`, max_tokens: 60 }),
        signal: leaving.signal,
      });
      if (!response.ok) throw new Error(`status ${response.status}`);
      const requestId = response.headers.get('x-request-id') ?? '';
      const tokens = isStream ? tokensOfStream(await response.text()) : Whole.parse(await response.json()).tokens_used;
      this.acknowledged.push({ requestId, tokens });
    } catch (error) {
      if (leavesAfterMs === undefined || !leaving.signal.aborted) throw error;
      this.abandoned += 1;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Throws when the stream broke off or ended with an error. */
function tokensOfStream(text: string): number {
  let tokens: number | undefined;
  const parser = createParser({
    onEvent: ({ data }) => {
      const end = data === '[DONE]' ? undefined : End.safeParse(JSON.parse(data)).data;
      if (end) tokens = end.usage.input_tokens + end.usage.output_tokens;
    },
  });
  parser.feed(text);
  if (tokens === undefined) throw new Error('the stream has no end');
  return tokens;
}
