import type { CompletionRequest } from '@tollgate/contracts';
import { createHash } from 'node:crypto';

/** All keys of the cache have one hash tag and so one slot of a Redis Cluster: its bound is counted there. */
const TAG = 'tollgate:{llm_response}';

export const cacheKeys = {
  /** Sorted by when an answer was last given. */
  recent: `${TAG}:recent`,
  /** Sorted by when an answer lapses. */
  expiring: `${TAG}:expiring`,
  /** Counts how often answers were cleared: what was asked before must not be kept after. */
  generation: `${TAG}:generation`,
  /** Hits, misses and shared answers, for the hit rate. */
  statistics: `${TAG}:statistics`,
  /** Held by the replica that is asking a provider for this entry. */
  flightOf: (entry: string) => `${entry}:flight`,
  /** What the entries of an account begin with. */
  accountPrefix: (accountId: string) => `${TAG}:${accountId}:`,
};

export interface CacheKeyParts {
  request: CompletionRequest;
  accountId: string;
  tier: string;
  /** The model that would answer, so that a change of the model changes every key. */
  model: string;
}

/** `…:{account}:{prompt_hash}:{character}:{settings_hash}`; hashes are SHA-256, in hex. */
export function entryKeyOf({ request, accountId, tier, model }: CacheKeyParts): string {
  const { messages, cache, task: _, ...settings } = request;
  const character = encodeURIComponent(cache?.character ?? '');
  const settingsHash = sha256(JSON.stringify([model, tier, settings]));
  return `${cacheKeys.accountPrefix(accountId)}${promptHashOf(messages)}:${character}:${settingsHash}`;
}

export function promptHashOf(messages: CompletionRequest['messages']): string {
  return sha256(JSON.stringify(messages));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
