import type { PriceVersion } from '@tollgate/database';

/** Tokens of one attempt. `input` includes `cached`, and `output` includes `reasoning`, as OpenAI counts. */
export interface TokenCounts {
  input: number;
  cached: number;
  output: number;
  /** Default 0. */
  reasoning?: number;
}

/** Prices in micro-USD per million tokens. */
export interface TokenPrices {
  input: bigint;
  cachedInput: bigint;
  output: bigint;
  /** Default: the same as output. */
  reasoning?: bigint;
}

const MILLION = 1_000_000n;

/** In micro-USD, rounded up once: a priced attempt is never free. */
export function priceOf(tokens: TokenCounts, prices: TokenPrices): bigint {
  const cached = Math.min(tokens.cached, tokens.input);
  const reasoning = Math.min(tokens.reasoning ?? 0, tokens.output);
  const total =
    BigInt(tokens.input - cached) * prices.input +
    BigInt(cached) * prices.cachedInput +
    BigInt(tokens.output - reasoning) * prices.output +
    BigInt(reasoning) * (prices.reasoning ?? prices.output);
  return (total + MILLION - 1n) / MILLION;
}

export function costPrices(version: PriceVersion): TokenPrices {
  const { costInput: input, costCachedInput: cachedInput, costOutput: output, costReasoning: reasoning } = version;
  return { input, cachedInput, output, reasoning };
}

export function chargePrices(version: PriceVersion): TokenPrices {
  const {
    chargeInput: input,
    chargeCachedInput: cachedInput,
    chargeOutput: output,
    chargeReasoning: reasoning,
  } = version;
  return { input, cachedInput, output, reasoning };
}
