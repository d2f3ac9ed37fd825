import { FairQueue } from './fair-queue.js';
import { breakerStateNumbers, metrics } from './metrics.js';
import { ModelHealth } from './model-health.js';
import { openProvider } from './open-provider.js';
import type { Provider } from './provider.js';
import type { ProviderConfig } from '../catalogue/models-file.js';

export interface QueueLimits {
  /** Calls of one provider at once; it may take fewer connections. */
  atOncePerProvider: number;
  /** Requests that wait for one provider. */
  waitingMax: number;
}

/** One provider that is switched on: its adapter, its queue, and what is known of its state. */
export class ProviderEntry {
  readonly provider: Provider;
  readonly queue: FairQueue;
  isRetired = false;
  state: 'unknown' | 'up' | 'down' = 'unknown';
  /** Undefined when the provider does not list its models: then all are taken to be there. */
  models: ReadonlySet<string> | undefined;
  private readonly healthOfModels = new Map<string, ModelHealth>();

  constructor(
    readonly name: string,
    readonly config: ProviderConfig,
    limits: QueueLimits,
    onUnreachable: (entry: ProviderEntry) => void,
  ) {
    this.provider = openProvider(name, config, () => onUnreachable(this));
    const atOnce = Math.min(limits.atOncePerProvider, config.connections);
    this.queue = new FairQueue(atOnce, limits.waitingMax, (running, waiting) => {
      metrics.running.set({ provider: name }, running);
      metrics.waiting.set({ provider: name }, waiting);
    });
  }

  isAvailable(upstreamName: string): boolean {
    return this.serves(upstreamName) && this.healthOf(upstreamName).isAvailable;
  }

  /** Up, and knows the model. */
  serves(upstreamName: string): boolean {
    return this.state === 'up' && (this.models?.has(upstreamName) ?? true);
  }

  healthOf(upstreamName: string): ModelHealth {
    const known = this.healthOfModels.get(upstreamName);
    if (known) return known;
    const labels = { provider: this.name, model: upstreamName };
    const health = new ModelHealth((state) => metrics.breaker.set(labels, breakerStateNumbers[state]));
    metrics.breaker.set(labels, breakerStateNumbers.closed);
    this.healthOfModels.set(upstreamName, health);
    return health;
  }

  recover(): void {
    for (const health of this.healthOfModels.values()) health.recover();
  }
}
