import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { complete, selectModel } from '@tollgate/contracts';
import { eventually, failureOf } from '@tollgate/testing';
import { register } from 'prom-client';
import { startRouter, type RouterUnderTest } from './router-under-test.js';

let folder: string;
let modelsFile: string;
let original: string;
let router: RouterUnderTest;

const ask = { task: 'chat', messages: [{ role: 'user' as const, content: 'Hello' }] };
/** For how long a router may go on with the price that it knew. */
const PRICES_KNOWN_MS = 1_100;
const withModel = (text: string) =>
  `${text}\n  - { id: fresh, provider: ollama, upstream_name: 'gemma3:12b', context_length: 4096, tokenizer: gemma, tiers: [free, pro] }\n`;

/** As editors save: a new file takes the old one's name. */
async function save(text: string): Promise<void> {
  await writeFile(`${modelsFile}.new`, text);
  await rename(`${modelsFile}.new`, modelsFile);
}

async function reloads(result: string): Promise<number> {
  const { values = [] } = (await register.getSingleMetric('tollgate_llm_models_file_reloads_total')?.get()) ?? {};
  return values.find(({ labels }) => labels['result'] === result)?.value ?? 0;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-reload-'));
  modelsFile = join(folder, 'models.yaml');
  original = await readFile(join(__dirname, '../../../config/models.yaml'), 'utf8');
  await writeFile(modelsFile, original);
  router = await startRouter({ MODELS_FILE: modelsFile, MODELS_FILE_INTERVAL_MS: '20' });
});
afterEach(async () => {
  await router.stop();
  await rm(folder, { recursive: true });
});

describe('models.yaml', () => {
  it('is taken over when it changes, while what runs goes on', async () => {
    const caller = await router.newCaller('free');
    router.local.setPace({ tokensPerSecond: 50 });
    const running = router.as(caller, () =>
      router.messages.send(complete, { ...ask, messages: [{ role: 'user', content: 'SIMULATE_TOKENS=50' }] }),
    );
    await eventually(
      async () => router.local.calls().length,
      (calls) => calls === 1,
    );
    // The provider changes too: its connections are replaced under the running call.
    await save(withModel(original).replace('kind: ollama\n', 'kind: ollama\n    connections: 4\n'));
    const choose = () => router.as(caller, () => router.messages.send(selectModel, { model: 'fresh' }));
    const choice = await eventually(
      () => choose().catch(() => undefined),
      (model) => model !== undefined,
    );
    expect(choice).toMatchObject({ model: 'fresh', context_length: 4096 });
    expect(await running).toMatchObject({ finish_reason: 'stop', usage: { output_tokens: 50 } });
    router.local.setPace({ tokensPerSecond: 0 });
    const answered = await router.as(caller, () => router.messages.send(complete, { ...ask, model: 'fresh' }));
    expect(answered).toMatchObject({ model: 'fresh', metadata: { model_used: 'fresh', reason: 'requested' } });
  });

  it('may price reasoning apart: cached and reasoning tokens are charged once, each at its own price', async () => {
    const caller = await router.newCaller('pro');
    const usual = 'cost: { input: 200000, cached_input: 100000, output: 600000 }';
    const own = 'cost: { input: 1000000, cached_input: 100000, output: 2000000, reasoning: 5000000 }';
    expect(original).toContain(usual);
    const reloadsBefore = await reloads('taken');
    await save(original.replace(usual, own));
    await eventually(
      () => reloads('taken'),
      (count) => count > reloadsBefore,
    );
    await sleep(PRICES_KNOWN_MS);
    const content = 'SIMULATE_CACHED_TOKENS=6 SIMULATE_REASONING_TOKENS=30 SIMULATE_TOKENS=10';
    await router.as(caller, () => router.messages.send(complete, { ...ask, messages: [{ role: 'user', content }] }));
    const [row] = await router.attemptsOf(caller);
    const input = router.cloud.calls().at(-1)?.promptTokens ?? NaN;
    expect(row).toMatchObject({ tokensInput: input, tokensCached: 6, tokensOutput: 40, tokensReasoning: 30 });
    const microUsd = (input - 6) * 1 + 6 * 0.1 + 10 * 2 + 30 * 5;
    expect(row).toMatchObject({
      providerCostMicroUsd: BigInt(Math.ceil(microUsd)),
      chargeMicroUsd: BigInt(Math.ceil(microUsd)),
    });
  });

  it('that is wrong changes nothing, and is counted; put right, it is taken', async () => {
    const caller = await router.newCaller('free');
    const refusedBefore = await reloads('refused');
    await save('models: [');
    await eventually(
      () => reloads('refused'),
      (count) => count === refusedBefore + 1,
    );
    expect(await router.as(caller, () => router.messages.send(complete, ask))).toMatchObject({ provider: 'ollama' });
    await rm(modelsFile);
    await eventually(
      () => reloads('refused'),
      (count) => count === refusedBefore + 2,
    );
    await writeFile(modelsFile, original.replace(/ {2}- \{ id: qwen.*\n/, ''));
    const gone = () => failureOf(router.as(caller, () => router.messages.send(selectModel, { model: 'qwen2.5:3b' })));
    await eventually(
      async () => (await gone().catch(() => undefined))?.code,
      (code) => code === 'model_not_found',
    );
  });
});
