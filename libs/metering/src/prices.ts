import { AppError } from '@tollgate/contracts';
import { Database, type PriceOrigin, type PriceVersion, type Prisma } from '@tollgate/database';
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

/** Postgres keeps milliseconds; a price of the very same one would be another version of the same date. */
const NEXT_MS = 1;

/** A changed price is seen by every replica after at most this. */
const CACHE_MS = 1_000;
/** Any number of our own: serialises replicas that publish prices at the same moment. */
const PUBLISH_LOCK = 7_480_011_534;

/** Prices are never edited: a changed one is a new version, and every attempt names the version it was priced by. */
@Injectable()
export class Prices {
  private readonly cache = new Map<string, { price: Promise<PriceVersion>; expiresAt: number }>();

  constructor(private readonly database: Database) {}

  /**
   * Makes the prices of the models file the ones in force and returns the versions that are. A price that the file has not changed since it last
   * said it changes nothing, so that what an admin has set meanwhile stays.
   */
  async publish(prices: readonly ModelPrice[]): Promise<PriceVersion[]> {
    return this.database.$transaction(async (transaction) => {
      await transaction.$executeRaw`SELECT pg_advisory_xact_lock(${PUBLISH_LOCK}::bigint)`;
      const versions: PriceVersion[] = [];
      for (const price of prices) {
        const { effectiveFrom = new Date() } = price;
        const said = await latest(transaction, price, effectiveFrom, 'file');
        const inForce = await latest(transaction, price, effectiveFrom);
        const isUnchanged = said && isSame(said, price);
        versions.push(
          isUnchanged && inForce ? inForce : await create(transaction, price, effectiveFrom, 'file', inForce),
        );
      }
      return versions;
    });
  }

  /** A version that an admin sets, in the admin's transaction. */
  async set(transaction: Prisma.TransactionClient, price: ModelPrice): Promise<PriceVersion> {
    await transaction.$executeRaw`SELECT pg_advisory_xact_lock(${PUBLISH_LOCK}::bigint)`;
    const { effectiveFrom = new Date() } = price;
    return create(transaction, price, effectiveFrom, 'admin', await latest(transaction, price, effectiveFrom));
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

function latest(
  transaction: Prisma.TransactionClient,
  { provider, model }: ModelPrice,
  at: Date,
  origin?: PriceOrigin,
): Promise<PriceVersion | null> {
  return transaction.priceVersion.findFirst({
    where: { provider, model, origin, effectiveFrom: { lte: at } },
    orderBy: [{ effectiveFrom: 'desc' }, { id: 'desc' }],
  });
}

function isSame(version: PriceVersion, price: ModelPrice): boolean {
  return Object.entries(toColumns(price)).every(([name, value]) => Reflect.get(version, name) === value);
}

function create(
  transaction: Prisma.TransactionClient,
  price: ModelPrice,
  wanted: Date,
  origin: PriceOrigin,
  before: PriceVersion | null,
): Promise<PriceVersion> {
  const { provider, model } = price;
  const isTaken = before?.effectiveFrom.getTime() === wanted.getTime();
  const effectiveFrom = isTaken ? new Date(wanted.getTime() + NEXT_MS) : wanted;
  return transaction.priceVersion.create({ data: { provider, model, ...toColumns(price), effectiveFrom, origin } });
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
