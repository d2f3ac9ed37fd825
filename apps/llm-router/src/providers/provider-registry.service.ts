import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Logger } from '@tollgate/observability';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { ModelConfig, ModelsFile } from '../catalogue/models-file.js';
import { FairQueue } from './fair-queue.js';
import { metrics } from './metrics.js';
import { ProviderEntry, type QueueLimits } from './provider-entry.js';

export const PROVIDER_LIMITS = Symbol('limits of providers');

export interface ProviderLimits extends QueueLimits {
  /** Calls of all providers together. */
  atOnceInAll: number;
  probeIntervalMs: number;
}

const PROBE_TIMEOUT_MS = 2_000;
/** By then every call has had its time to drain. */
const CLOSE_TIMEOUT_MS = 1_000;
/** A provider that went down is asked again after this, then after twice as long, up to the interval. */
const FIRST_PROBE_AGAIN_MS = 1_000;

/** The providers that are switched on, and which of them answer. Each is probed at the start and then at an interval. */
@Injectable()
export class ProviderRegistry implements OnApplicationShutdown {
  /** Shared by the queues of all providers. */
  readonly total: FairQueue;
  private entries = new Map<string, ProviderEntry>();
  private readonly timers = new Map<ProviderEntry, NodeJS.Timeout>();

  constructor(
    @Inject(PROVIDER_LIMITS) private readonly limits: ProviderLimits,
    private readonly logger: Logger,
  ) {
    this.total = new FairQueue(limits.atOnceInAll, limits.waitingMax);
  }

  /**
   * Makes these the providers. One that has not changed keeps its connections, its queue and its state; a changed one is
   * opened anew and probed first, and the old one lets its calls end.
   */
  async use(configs: ModelsFile['providers']): Promise<void> {
    const next = new Map<string, ProviderEntry>();
    for (const [name, config] of Object.entries(configs)) {
      if (!config.enabled) continue;
      const known = this.entries.get(name);
      const isSame = known && isDeepStrictEqual(known.config, config);
      next.set(name, isSame ? known : new ProviderEntry(name, config, this.limits, (entry) => this.markDown(entry)));
    }
    const kept = new Set(this.entries.values());
    await Promise.all([...next.values()].filter((entry) => !kept.has(entry)).map((entry) => this.probe(entry)));
    const gone = [...kept].filter((entry) => next.get(entry.name) !== entry);
    this.entries = next;
    for (const entry of gone) this.retire(entry);
  }

  async onApplicationShutdown(): Promise<void> {
    const entries = [...this.entries.values()];
    for (const entry of entries) entry.isRetired = true;
    for (const timer of this.timers.values()) clearTimeout(timer);
    const closed = Promise.all(entries.map(({ provider }) => provider.close()));
    await Promise.race([closed, sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
  }

  get(name: string): ProviderEntry | undefined {
    return this.entries.get(name);
  }

  isAvailable({ provider, upstreamName }: Pick<ModelConfig, 'provider' | 'upstreamName'>): boolean {
    return this.entries.get(provider)?.isAvailable(upstreamName) ?? false;
  }

  /** How long a model that answered 429 wants to be left alone; undefined when it is not there for another reason. */
  coolingMsOf({ provider, upstreamName }: Pick<ModelConfig, 'provider' | 'upstreamName'>): number | undefined {
    const entry = this.entries.get(provider);
    return (entry?.serves(upstreamName) && entry.healthOf(upstreamName).coolingMs) || undefined;
  }

  private retire(entry: ProviderEntry): void {
    entry.isRetired = true;
    clearTimeout(this.timers.get(entry));
    this.timers.delete(entry);
    if (!this.entries.has(entry.name)) metrics.up.remove({ provider: entry.name });
    entry.provider.close().catch((error: unknown) => this.logger.warn('a provider did not close', { err: error }));
  }

  /** So that one request's failure spares the others the wait. */
  private markDown(entry: ProviderEntry): void {
    if (entry.state !== 'up') return;
    this.enter(entry, 'down');
    this.logger.warn(`the provider ${entry.name} cannot be reached`);
    this.probeLater(entry, FIRST_PROBE_AGAIN_MS);
  }

  private async probe(entry: ProviderEntry, againAfterMs = FIRST_PROBE_AGAIN_MS): Promise<void> {
    const before = entry.state;
    try {
      entry.models = await entry.provider.listModels(AbortSignal.timeout(PROBE_TIMEOUT_MS));
      this.enter(entry, 'up');
      if (before !== 'up') entry.recover();
    } catch (error) {
      this.enter(entry, 'down');
      if (before !== 'down') this.logger.warn(`the provider ${entry.name} is down`, { err: error });
    }
    if (before === 'down' && entry.state === 'up')
      this.logger.log(`the provider ${entry.name} is up`, { models: entry.models?.size });
    this.probeLater(entry, entry.state === 'up' ? this.limits.probeIntervalMs : againAfterMs);
  }

  private probeLater(entry: ProviderEntry, delayMs: number): void {
    clearTimeout(this.timers.get(entry));
    if (entry.isRetired) return;
    const afterMs = Math.min(delayMs, this.limits.probeIntervalMs);
    const timer = setTimeout(() => void this.probe(entry, afterMs * 2), afterMs);
    timer.unref();
    this.timers.set(entry, timer);
  }

  private enter(entry: ProviderEntry, state: 'up' | 'down'): void {
    entry.state = state;
    metrics.up.set({ provider: entry.name }, state === 'up' ? 1 : 0);
  }
}
