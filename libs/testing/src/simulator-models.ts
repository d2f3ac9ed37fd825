import { createHash } from 'node:crypto';

export interface SimulatedModel {
  name: string;
  family: string;
  parameterSize: string;
  contextLength: number;
  side: 'ollama' | 'openai' | 'both';
}

const knownModels: SimulatedModel[] = [
  { name: 'gemma3:4b', family: 'gemma3', parameterSize: '4.3B', contextLength: 131_072, side: 'ollama' },
  { name: 'gemma3:12b', family: 'gemma3', parameterSize: '12.2B', contextLength: 131_072, side: 'ollama' },
  { name: 'llama3.2:3b', family: 'llama', parameterSize: '3.2B', contextLength: 131_072, side: 'ollama' },
  { name: 'phi3:3.8b', family: 'phi3', parameterSize: '3.8B', contextLength: 131_072, side: 'ollama' },
  { name: 'qwen2.5:3b', family: 'qwen2', parameterSize: '3.1B', contextLength: 32_768, side: 'ollama' },
  {
    name: 'meta-llama/Llama-4-Maverick-8B-Instruct',
    family: 'llama4',
    parameterSize: '8B',
    contextLength: 131_072,
    side: 'openai',
  },
  { name: 'gpt-4o-mini', family: 'gpt-4o', parameterSize: 'unknown', contextLength: 128_000, side: 'openai' },
  { name: 'deepseek-chat', family: 'deepseek', parameterSize: 'unknown', contextLength: 131_072, side: 'openai' },
];

/** Both APIs serve every model; each lists its own side of the default ones, or all of those that were named. */
export class ModelCatalog {
  private readonly models: SimulatedModel[];
  private readonly lastUsed = new Map<string, Date>();

  constructor(names?: readonly string[]) {
    this.models = names ? names.map(describe) : knownModels;
  }

  find(name: string): SimulatedModel | undefined {
    return this.models.find((model) => model.name === name);
  }

  list(side: 'ollama' | 'openai'): SimulatedModel[] {
    return this.models.filter((model) => model.side === side || model.side === 'both');
  }

  markLoaded(name: string): void {
    this.lastUsed.set(name, new Date());
  }

  /** The models that answered since the start or the last reset. */
  listLoaded(): { model: SimulatedModel; usedAt: Date }[] {
    return this.models.flatMap((model) => {
      const usedAt = this.lastUsed.get(model.name);
      return usedAt ? [{ model, usedAt }] : [];
    });
  }

  unloadAll(): void {
    this.lastUsed.clear();
  }
}

export function digestOf({ name }: SimulatedModel): string {
  return createHash('sha256').update(name).digest('hex');
}

function describe(name: string): SimulatedModel {
  const unknown = { name, family: 'simulated', parameterSize: 'unknown', contextLength: 8192 };
  return { ...unknown, ...knownModels.find((model) => model.name === name), side: 'both' };
}
