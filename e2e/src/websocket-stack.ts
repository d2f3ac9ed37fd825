import { eventually, freePort, startApp, WebSocketClient, type AppProcess, type HeardFrame } from '@tollgate/testing';
import { TestClient } from './client.js';
import { startStack, type Stack } from './stack.js';

interface Charge {
  outcome: string;
  tokens_input: number;
  tokens_output: number;
}

/** Two gateways, chat and the router, and what tests of WebSockets ask of them. */
export class WebSocketStack {
  private constructor(
    readonly stack: Stack,
    /** A gateway beside the stack's own. */
    readonly second: AppProcess & { url: string },
  ) {}

  static async start(): Promise<WebSocketStack> {
    const stack = await startStack(
      {
        RATE_LIMIT_ENABLED: 'true',
        RATE_LIMIT_REQUESTS: '100000',
        SIGN_IN_REQUESTS_PER_MINUTE: '10000',
        WEBSOCKET_SLOW_READER_MS: '2000',
        WEBSOCKET_FRAMES_PER_SECOND: '1000',
        CHAT_GRACE_MS: '3000',
        MAX_CONCURRENT_REQUESTS: '100',
      },
      ['chat', 'llm-router'],
    );
    await stack.query("UPDATE plan SET concurrent_requests = 100 WHERE code = 'pro'");
    const port = String(await freePort());
    const second = await startApp('gateway', { ...stack.environment, PORT: port });
    return new WebSocketStack(stack, { ...second, url: `http://127.0.0.1:${port}` });
  }

  async stop(): Promise<void> {
    await this.second.stop();
    await this.stack.stop();
  }

  /** To be called after each test. */
  reset(): void {
    this.stack.local.reset();
    this.stack.cloud.reset();
  }

  setPace(tokensPerSecond: number): void {
    for (const provider of [this.stack.local, this.stack.cloud]) provider.setPace({ tokensPerSecond });
  }

  connect(client: TestClient, url = this.stack.url): Promise<WebSocketClient> {
    return WebSocketClient.connect(`${url}/ws/chat`, { headers: { authorization: `Bearer ${client.token}` } });
  }

  /** A user of the plan pro, of which more may run at once. */
  async registerPro(): Promise<TestClient> {
    const client = await TestClient.register(this.stack.url);
    await this.stack.query(
      "UPDATE account SET plan_code = 'pro' WHERE id = (SELECT account_id FROM app_user WHERE email = $1)",
      [client.email],
    );
    return client;
  }

  /** Of both providers, since the last reset. */
  calls() {
    return [...this.stack.local.calls(), ...this.stack.cloud.calls()];
  }

  chargesOf(client: TestClient): Promise<Charge[]> {
    return this.stack.query<Charge>(
      `SELECT outcome, tokens_input, tokens_output FROM usage_attempt JOIN app_user ON app_user.id = usage_attempt.user_id
       WHERE email = $1`,
      [client.email],
    );
  }

  /** Every call of the providers stands in the ledger once, complete ones with their very tokens. */
  async expectLedgerToAgree(client: TestClient): Promise<Charge[]> {
    const calls = await eventually(
      () => this.calls(),
      (all) => all.every(({ outcome }) => outcome !== 'running'),
      30_000,
    );
    const charges = await eventually(
      () => this.chargesOf(client),
      ({ length }) => length >= calls.length,
      15_000,
    );
    expect(charges).toHaveLength(calls.length);
    const sizes = (list: [number, number][]) => list.map(String).sort();
    expect(
      sizes(charges.flatMap((row) => (row.outcome === 'completed' ? [[row.tokens_input, row.tokens_output]] : []))),
    ).toEqual(
      sizes(
        calls.flatMap((call) => (call.outcome === 'completed' ? [[call.promptTokens, call.completionTokens]] : [])),
      ),
    );
    return charges;
  }
}

export const isEnd = ({ type }: HeardFrame) => type === 'end';
export const isDelta = ({ type }: HeardFrame) => type === 'delta';

export function lastEventIdOf({ frames }: WebSocketClient, ref: string): string | undefined {
  const last = frames.findLast((frame) => isDelta(frame) && frame['ref'] === ref);
  return last && String(last['id']);
}
