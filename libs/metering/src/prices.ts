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
}

/** Any number of our own: serialises replicas that publish prices at the same moment. */
const PUBLISH_LOCK = 7_480_011_534;

/** Prices are never edited: a changed one is a new version, and every attempt names the version it was priced by. */
@Injectable()
export class Prices {
  constructor(private readonly database: Database) {}

  /** Makes `prices` the ones in force and returns their versions; a price that has not changed keeps its version. */
  async publish(prices: readonly ModelPrice[]): Promise<PriceVersion[]> {
    return this.database.$transaction(async (transaction) => {
      await transaction.$executeRaw`SELECT pg_advisory_xact_lock(${PUBLISH_LOCK}::bigint)`;
      const versions: PriceVersion[] = [];
      for (const price of prices) {
        const { provider, model } = price;
        const latest = await transaction.priceVersion.findFirst({
          where: { provider, model },
          orderBy: { id: 'desc' },
        });
        const columns = toColumns(price);
        const unchanged =
          latest && Object.entries(columns).every(([name, value]) => Reflect.get(latest, name) === value);
        versions.push(
          unchanged
            ? latest
            : await transaction.priceVersion.create({
                data: { provider, model, ...columns, effectiveFrom: new Date() },
              }),
        );
      }
      return versions;
    });
  }
}

function toColumns({ cost, charge }: ModelPrice) {
  return {
    costInput: cost.input,
    costCachedInput: cost.cachedInput,
    costOutput: cost.output,
    chargeInput: charge.input,
    chargeCachedInput: charge.cachedInput,
    chargeOutput: charge.output,
  };
}
