import { Logger } from '@tollgate/observability';
import type { OnApplicationShutdown } from '@nestjs/common';
import { readFile } from 'node:fs/promises';
import { readSigningKeys, type SigningKey, type SigningKeySource } from './signing-key.js';

const CHECK_EVERY_MS = 1_000;

/**
 * The first key signs; all of them are published, and accepted until they are taken away. So a key is replaced without logging
 * anyone out: the next one is added at the end, moves to the front when everybody has seen it, and the old one goes
 * when the last token that it signed has expired.
 *
 * Keys of a file are read again when it changes, without a restart. A file that cannot be read changes nothing.
 */
export class SigningKeys implements OnApplicationShutdown {
  private readonly timer: NodeJS.Timeout | undefined;
  private readonly onChange: (() => void)[] = [];
  private unread = '';

  constructor(
    private source: SigningKeySource,
    private readonly logger: Logger,
  ) {
    if (source.path) this.timer = setInterval(() => void this.reload(), CHECK_EVERY_MS).unref();
  }

  get current(): SigningKey {
    return this.source.keys[0];
  }

  get all(): readonly SigningKey[] {
    return this.source.keys;
  }

  /** Undefined for a key that is not, or no longer, ours. */
  find(id: string): SigningKey | undefined {
    return this.source.keys.find((key) => key.id === id);
  }

  /** Calls `listener` after every change: what was checked with a key that is gone must be checked anew. */
  whenChanged(listener: () => void): void {
    this.onChange.push(listener);
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  private async reload(): Promise<void> {
    const { path } = this.source;
    if (!path) return;
    let pem = '';
    try {
      pem = await readFile(path, 'utf8');
      const keys = readSigningKeys(pem);
      this.unread = '';
      if (idsOf(keys) === idsOf(this.source.keys)) return;
      this.source = { path, keys };
      for (const listener of this.onChange) listener();
      this.logger.log('The keys of access tokens have changed.', { key_ids: keys.map(({ id }) => id) });
    } catch (error) {
      // Once for each content: it is read every second.
      if (pem !== this.unread) this.logger.error('The file of signing keys cannot be used.', { err: error });
      this.unread = pem;
    }
  }
}

function idsOf(keys: readonly SigningKey[]): string {
  return keys.map(({ id }) => id).join();
}
