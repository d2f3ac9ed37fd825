import type { ProviderConfig } from '../catalogue/models-file.js';
import { OllamaProvider } from './ollama.provider.js';
import { OpenAiCompatibleProvider } from './openai-compatible.provider.js';
import { ProviderConnection } from './provider-connection.js';
import type { Provider } from './provider.js';
import { quirksOf } from './quirks.js';

/** The adapter of a provider's kind over a connection pool of its own. */
export function openProvider(name: string, config: ProviderConfig, onUnreachable: () => void): Provider {
  const connection = new ProviderConnection(name, config, onUnreachable);
  if (config.kind === 'ollama') return new OllamaProvider(connection);
  return new OpenAiCompatibleProvider(connection, { ...quirksOf[config.kind], ...config.quirks });
}
