import { z } from 'zod';
import { startSimulator } from './simulator.js';

const Environment = z.object({
  SIMULATOR_HOST: z.string().default('127.0.0.1'),
  SIMULATOR_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  /** 0: as fast as possible. */
  SIMULATOR_TOKENS_PER_SECOND: z.coerce.number().min(0).default(60),
  SIMULATOR_FIRST_TOKEN_MS: z.coerce.number().min(0).default(150),
  SIMULATOR_LOG: z.string().optional(),
  SIMULATOR_API_KEY: z.string().optional(),
});

async function main(): Promise<void> {
  const environment = Environment.parse(process.env);
  const simulator = await startSimulator({
    host: environment.SIMULATOR_HOST,
    port: environment.SIMULATOR_PORT,
    tokensPerSecond: environment.SIMULATOR_TOKENS_PER_SECOND,
    firstTokenMs: environment.SIMULATOR_FIRST_TOKEN_MS,
    logFile: environment.SIMULATOR_LOG,
    apiKey: environment.SIMULATOR_API_KEY,
  });
  const exit = (): void => void simulator.close().then(() => process.exit(0));
  process.once('SIGTERM', exit).once('SIGINT', exit).once('disconnect', exit);
  console.log(`LLM simulator listening on ${simulator.url}`);
  process.send?.({ kind: 'listening', url: simulator.url });
}

void main();
