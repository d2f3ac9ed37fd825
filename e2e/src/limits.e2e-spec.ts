import { eventually, freePort, startApp, type AppProcess } from '@tollgate/testing';
import { TestClient } from './client.js';
import { startStack, type Stack } from './stack.js';

/** Slots of a killed gateway are leased for ten seconds. */
const LEASE_ENDS_WITHIN_MS = 15_000;

const endless = { text: 'SIMULATE_TOKENS=5000', task: 'rephrase', stream: true };

let stack: Stack;
let doomed: AppProcess & { url: string };

beforeAll(async () => {
  stack = await startStack();
  const port = String(await freePort());
  doomed = {
    ...(await startApp('gateway', { ...stack.environment, PORT: port })),
    url: `http://127.0.0.1:${port}`,
  };
}, 60_000);
afterAll(async () => {
  await doomed.stop();
  await stack.stop();
}, 60_000);

describe('calls at once', () => {
  it('of a gateway that is killed are free again when their leases end, and not before', async () => {
    const client = await TestClient.register(stack.url);
    stack.local.setPace({ tokensPerSecond: 50 });
    const streams = [
      await client.at(doomed.url).post('/api/v1/process-text', endless),
      await client.at(doomed.url).post('/api/v1/process-text', endless),
    ];
    expect(streams.map(({ status }) => status)).toEqual([200, 200]);
    const short = { text: 'One. Two.', task: 'summary' };
    expect((await client.post('/api/v1/process-text', short)).status).toBe(429);

    doomed.child.kill('SIGKILL');
    await Promise.all(streams.map((response) => expect(response.text()).rejects.toThrow()));
    expect((await client.post('/api/v1/process-text', short)).status).toBe(429);
    const served = await eventually(
      () => client.at(stack.url).post('/api/v1/process-text', short),
      ({ status }) => status === 200,
      LEASE_ENDS_WITHIN_MS,
    );
    await served.text();
  }, 60_000);
});
