import { unwatchFile, watchFile, type StatsListener } from 'node:fs';
import { ConfigError } from '@tollgate/config';
import { Logger } from '@tollgate/observability';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { metrics } from '../providers/metrics.js';
import { Catalogue } from './catalogue.service.js';
import type { ModelsFile } from './models-file.js';

export const MODELS_SOURCE = Symbol('where the models file is');

export interface ModelsSource {
  path: string;
  /** Raises ConfigError with every problem of the file. */
  read: () => ModelsFile;
  /** How often the file is looked at. */
  intervalMs: number;
}

/**
 * Takes over a changed models.yaml; while it is wrong, the last good one stays.
 *
 * It looks at the path at an interval, since that is what all ways of changing a file have in common: editors that rename,
 * Kubernetes that swaps a symbolic link, mounts without events.
 */
@Injectable()
export class ModelsWatcher implements OnApplicationBootstrap, OnApplicationShutdown {
  private reloading: Promise<void> = Promise.resolve();
  private readonly onChange: StatsListener = (now, before) => {
    const hasChanged = now.mtimeMs !== before.mtimeMs || now.ino !== before.ino || now.size !== before.size;
    if (hasChanged) this.reloading = this.reloading.then(() => this.reload());
  };

  constructor(
    @Inject(MODELS_SOURCE) private readonly source: ModelsSource,
    private readonly catalogue: Catalogue,
    private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    watchFile(this.source.path, { interval: this.source.intervalMs, persistent: false }, this.onChange);
  }

  async onApplicationShutdown(): Promise<void> {
    unwatchFile(this.source.path, this.onChange);
    await this.reloading;
  }

  private async reload(): Promise<void> {
    try {
      await this.catalogue.use(this.source.read());
      metrics.reloads.inc({ result: 'taken' });
      this.logger.log('the models file has changed and is in force');
    } catch (error) {
      metrics.reloads.inc({ result: 'refused' });
      const problems = error instanceof ConfigError ? error.problems : undefined;
      this.logger.error('the changed models file is not taken over, the old one stays', { err: error, problems });
    }
  }
}
