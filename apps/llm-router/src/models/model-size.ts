import { request } from 'undici';
import { z } from 'zod';
import type { ModelConfig, ProviderConfig } from '../catalogue/models-file.js';

const TIMEOUT_MS = 2_000;

const Tags = z.object({ models: z.array(z.object({ name: z.string(), size: z.number().nonnegative() })) });

/** What the model takes on disk, such as "4.7GB". Only Ollama tells; undefined where nobody does. */
export async function modelSizeOf(model: ModelConfig, provider: ProviderConfig): Promise<string | undefined> {
  if (provider.kind !== 'ollama') return undefined;
  try {
    const { body } = await request(`${provider.baseUrl}/api/tags`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const tags = Tags.parse(await body.json());
    const names = [model.upstreamName, `${model.upstreamName}:latest`];
    const found = tags.models.find(({ name }) => names.includes(name));
    return found && `${(found.size / 1e9).toFixed(1)}GB`;
  } catch {
    // A provider that does not answer is said to be unavailable by the measurement itself.
    return undefined;
  }
}
