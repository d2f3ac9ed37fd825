import { Logger } from '@tollgate/observability';
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { ModelConfig, ModelsFile, ProviderConfig } from '../catalogue/models-file.js';
import { OllamaProvider } from './ollama.provider.js';
import { OpenAiCompatibleProvider } from './openai-compatible.provider.js';
import { ProviderConnection } from './provider-connection.js';
import type { Provider } from './provider.js';

export const PROVIDERS = Symbol('providers of models.yaml');
export const PROBE_INTERVAL_MS = Symbol('probe interval');

const PROBE_TIMEOUT_MS = 2_000;

const kinds = {
  ollama: OllamaProvider,
  'openai-compatible': OpenAiCompatibleProvider,
} satisfies Record<ProviderConfig['kind'], new (connection: ProviderConnection) => Provider>;

interface Entry {
  provider: Provider;
  state: 'unknown' | 'up' | 'down';
  /** Undefined when the provider does not list its models: then all are taken to be there. */
  models: ReadonlySet<string> | undefined;
}

/** The providers that are switched on, and which of them answer. Probed at the start and then at an interval. */
@Injectable()
export class ProviderRegistry implements OnModuleInit, OnApplicationShutdown {
  private readonly entries = new Map<string, Entry>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(PROVIDERS) configs: ModelsFile['providers'],
    @Inject(PROBE_INTERVAL_MS) private readonly probeIntervalMs: number,
    private readonly logger: Logger,
  ) {
    for (const [name, config] of Object.entries(configs))
      if (config.enabled) this.entries.set(name, this.open(name, config));
  }

  async onModuleInit(): Promise<void> {
    await this.probeAll();
    this.timer = setInterval(() => void this.probeAll(), this.probeIntervalMs);
    this.timer.unref();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all([...this.entries.values()].map(({ provider }) => provider.close()));
  }

  get(name: string): Provider {
    const entry = this.entries.get(name);
    if (!entry) throw new Error(`the provider ${name} is not switched on`);
    return entry.provider;
  }

  isAvailable(model: Pick<ModelConfig, 'provider' | 'upstreamName'>): boolean {
    const entry = this.entries.get(model.provider);
    return entry?.state === 'up' && (entry.models?.has(model.upstreamName) ?? true);
  }

  private open(name: string, config: ProviderConfig): Entry {
    const connection = new ProviderConnection(name, config, () => this.markDown(name));
    return { provider: new kinds[config.kind](connection), state: 'unknown', models: undefined };
  }

  /** Until the next probe; so that one request's failure spares the others the wait. */
  private markDown(name: string): void {
    const entry = this.entries.get(name);
    if (entry?.state !== 'up') return;
    entry.state = 'down';
    this.logger.warn(`the provider ${name} cannot be reached`);
  }

  private async probeAll(): Promise<void> {
    await Promise.all([...this.entries].map(([name, entry]) => this.probe(name, entry)));
  }

  private async probe(name: string, entry: Entry): Promise<void> {
    const before = entry.state;
    try {
      entry.models = await entry.provider.listModels(AbortSignal.timeout(PROBE_TIMEOUT_MS));
      entry.state = 'up';
    } catch (error) {
      entry.state = 'down';
      if (before !== 'down') this.logger.warn(`the provider ${name} is down`, { err: error });
    }
    if (before === 'down' && entry.state === 'up')
      this.logger.log(`the provider ${name} is up`, { models: entry.models?.size });
  }
}
