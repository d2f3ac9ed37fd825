import type { PriceVersion } from '@tollgate/database';

/** Tokens of one attempt. `input` includes `cached`, as OpenAI counts. */
export interface TokenCounts {
  input: number;
  cached: number;
  output: number;
}

/** Prices in micro-USD per million tokens. */
export interface TokenPrices {
  input: bigint;
  cachedInput: bigint;
  output: bigint;
}

const MILLION = 1_000_000n;

/** In micro-USD, rounded up once: a priced attempt is never free. */
export function priceOf(tokens: TokenCounts, prices: TokenPrices): bigint {
  const cached = Math.min(tokens.cached, tokens.input);
  const total =
    BigInt(tokens.input - cached) * prices.input +
    BigInt(cached) * prices.cachedInput +
    BigInt(tokens.output) * prices.output;
  return (total + MILLION - 1n) / MILLION;
}

export function costPrices(version: PriceVersion): TokenPrices {
  return { input: version.costInput, cachedInput: version.costCachedInput, output: version.costOutput };
}

export function chargePrices(version: PriceVersion): TokenPrices {
  return { input: version.chargeInput, cachedInput: version.chargeCachedInput, output: version.chargeOutput };
}
