import { ApiKeyScope, AppError, type Caller } from '@tollgate/contracts';
import { asService, Database, type ApiKey } from '@tollgate/database';
import { Logger } from '@tollgate/observability';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Standings } from '../identity/standings.js';
import { hashOf, isWellFormed } from './key-format.js';

/** A revoked key is refused by every replica after at most this. */
const CACHE_MS = 1_000;
const CACHED_MAX = 10_000;
const NOTE_USE_EVERY_MS = 10_000;

export interface KeyCaller {
  caller: Caller;
  scopes: ApiKeyScope[];
}

/** Who calls with an API key. Fails closed: while Postgres is away nobody knows whether a key was revoked. */
@Injectable()
export class ApiKeyCallers implements OnApplicationShutdown {
  private readonly cache = new Map<string, { key: Promise<ApiKey | null>; expiresAt: number }>();
  private readonly usedAt = new Map<string, Date>();
  private readonly timer = setInterval(() => void this.noteUses(), NOTE_USE_EVERY_MS).unref();

  constructor(
    private readonly database: Database,
    private readonly standings: Standings,
    private readonly logger: Logger,
  ) {}

  /** Raises `unauthenticated`. */
  async authenticate(token: string): Promise<KeyCaller> {
    const key = isWellFormed(token) ? await this.find(hashOf(token)) : null;
    const isExpired = key?.expiresAt && key.expiresAt.getTime() <= Date.now();
    if (!key || key.revokedAt || isExpired) throw new AppError('unauthenticated', 'The API key is not valid.');
    const standing = await this.standings.of(key.userId);
    this.usedAt.set(key.id, new Date());
    const scopes = key.scopes.filter((scope) => ApiKeyScope.safeParse(scope).success) as ApiKeyScope[];
    const role = scopes.includes('admin') ? standing.role : 'user';
    return { caller: { ...standing, role }, scopes };
  }

  /** Reads many keys in one question: for those who are asked about every second. Returns the users that they are of. */
  async refresh(tokens: readonly string[]): Promise<string[]> {
    if (tokens.length === 0) return [];
    const now = Date.now();
    const hashes = tokens.map(hashOf);
    const where = { keyHash: { in: hashes.map((hash) => Uint8Array.from(hash)) } };
    const keys = await asService(() => this.database.apiKey.findMany({ where }));
    const known = new Map(keys.map((key) => [nameOf(key.keyHash), key]));
    for (const name of hashes.map(nameOf)) {
      this.cache.set(name, { key: Promise.resolve(known.get(name) ?? null), expiresAt: now + CACHE_MS });
    }
    return keys.map(({ userId }) => userId);
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.noteUses();
  }

  private find(keyHash: Buffer): Promise<ApiKey | null> {
    const now = Date.now();
    const name = nameOf(keyHash);
    const cached = this.cache.get(name);
    if (cached && cached.expiresAt > now) return cached.key;
    if (this.cache.size >= CACHED_MAX) this.cache.clear();
    const where = { keyHash: Uint8Array.from(keyHash) };
    const key = asService(() => this.database.apiKey.findFirst({ where }));
    const entry = { key, expiresAt: now + CACHE_MS };
    this.cache.set(name, entry);
    entry.key.catch(() => this.cache.delete(name));
    return entry.key;
  }

  /** In one statement for all keys: a busy key is used thousands of times a minute. */
  private async noteUses(): Promise<void> {
    const uses = [...this.usedAt];
    if (uses.length === 0) return;
    this.usedAt.clear();
    try {
      await this.database.$executeRaw`
        UPDATE api_key SET last_used_at = greatest(last_used_at, used.at)
        FROM unnest(${uses.map(([id]) => id)}::uuid[], ${uses.map(([, at]) => at.toISOString())}::timestamptz[])
          AS used (id, at)
        WHERE api_key.id = used.id`;
    } catch (error) {
      this.logger.warn('The last uses of API keys could not be noted.', { err: error });
    }
  }
}

function nameOf(keyHash: Uint8Array): string {
  return Buffer.from(keyHash).toString('base64');
}
