import { AppError } from '@tollgate/contracts';
import { Database, type PriceVersion } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import type { TokenPrices } from './cost.js';

export interface ModelPrice {
  provider: string;
  model: string;
  /** What the provider asks of us. */
  cost: TokenPrices;
  /** What the customer pays. */
  charge: TokenPrices;
  /** Default: now. */
  effectiveFrom?: Date;
}

/** A changed price is seen by every replica after at most this. */
const CACHE_MS = 1_000;
/** Any number of our own: serialises replicas that publish prices at the same moment. */
const PUBLISH_LOCK = 7_480_011_534;

/** Prices are never edited: a changed one is a new version, and every attempt names the version it was priced by. */
@Injectable()
export class Prices {
  private readonly cache = new Map<string, { price: Promise<PriceVersion>; expiresAt: number }>();

  constructor(private readonly database: Database) {}

  /** Makes `prices` the ones in force and returns their versions; a price that has not changed keeps its version. */
  async publish(prices: readonly ModelPrice[]): Promise<PriceVersion[]> {
    return this.database.$transaction(async (transaction) => {
      await transaction.$executeRaw`SELECT pg_advisory_xact_lock(${PUBLISH_LOCK}::bigint)`;
      const versions: PriceVersion[] = [];
      for (const price of prices) {
        const { provider, model, effectiveFrom = new Date() } = price;
        const latest = await transaction.priceVersion.findFirst({
          where: { provider, model, effectiveFrom: { lte: effectiveFrom } },
          orderBy: [{ effectiveFrom: 'desc' }, { id: 'desc' }],
        });
        const columns = toColumns(price);
        const unchanged =
          latest && Object.entries(columns).every(([name, value]) => Reflect.get(latest, name) === value);
        versions.push(
          unchanged
            ? latest
            : await transaction.priceVersion.create({ data: { provider, model, ...columns, effectiveFrom } }),
        );
      }
      return versions;
    });
  }

  /** The version in force now, at most a second old. Raises `no_model_available` for a model without one: never free by mistake. */
  current(provider: string, model: string): Promise<PriceVersion> {
    const key = JSON.stringify([provider, model]);
    const now = Date.now();
    const cached = this.cache.get(key);
    if (cached && cached.expiresAt > now) return cached.price;
    const price = this.at(provider, model, new Date(now));
    this.cache.set(key, { price, expiresAt: now + CACHE_MS });
    price.catch(() => this.cache.delete(key));
    return price;
  }

  /** The version that was, or will be, in force at a time. Raises `no_model_available` when there is none. */
  async at(provider: string, model: string, time: Date): Promise<PriceVersion> {
    const price = await this.database.priceVersion.findFirst({
      where: { provider, model, effectiveFrom: { lte: time } },
      orderBy: [{ effectiveFrom: 'desc' }, { id: 'desc' }],
    });
    if (price) return price;
    throw new AppError('no_model_available', `The model "${model}" has no price.`, { retryable: false });
  }
}

function toColumns({ cost, charge }: ModelPrice) {
  return {
    costInput: cost.input,
    costCachedInput: cost.cachedInput,
    costOutput: cost.output,
    costReasoning: cost.reasoning ?? cost.output,
    chargeInput: charge.input,
    chargeCachedInput: charge.cachedInput,
    chargeOutput: charge.output,
    chargeReasoning: charge.reasoning ?? charge.output,
  };
}
