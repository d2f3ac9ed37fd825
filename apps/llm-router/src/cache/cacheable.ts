import type { Completion, CompletionRequest } from '@tollgate/contracts';

/** Whoever says nothing of the cache or the temperature wants a fresh answer. */
export function mayUseCache({ cache, temperature }: CompletionRequest, temperatureMax: number): boolean {
  return cache?.use ?? (temperature !== undefined && temperature <= temperatureMax);
}

/** An answer that was cut, or that another model gave than the one that was asked for, must not stick for an hour. */
export function mayKeep({ finish_reason: reason, model }: Completion, askedModel: string): boolean {
  return (reason === 'stop' || reason === 'tool_calls') && model === askedModel;
}
