/** In the order of their start: whoever asks comes after those who answer, and stops first. */
export const apps = ['llm-router', 'text-processing', 'gateway'] as const;
export type AppName = (typeof apps)[number];

export interface Backends {
  databaseUrl: string;
  redisUrl: string;
  llm: { baseUrl: string; isSimulated: boolean };
}

const DEFAULT_GATEWAY_PORT = 8080;
export const LOOPBACK = '127.0.0.1';
const demoUser = { email: 'demo@tollgate.local', password: 'tollgate-demo' };

/** @throws Error that names the variable when PORT is no port */
export function gatewayPort(environment: NodeJS.ProcessEnv): number {
  const text = environment['PORT'] || String(DEFAULT_GATEWAY_PORT);
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error('PORT must be a number from 1 to 65535.');
  return port;
}

export function demoLogin(environment: NodeJS.ProcessEnv): { email: string; password: string } {
  return {
    email: environment['DEMO_USER_EMAIL'] || demoUser.email,
    password: environment['DEMO_USER_PASSWORD'] || demoUser.password,
  };
}

/** What an app is told, beside the launcher's own environment (which has the operator's `.env` in it). */
export function appEnvironment(
  app: AppName,
  { environment, port, backends, jwtPrivateKey }: AppSurroundings,
): NodeJS.ProcessEnv {
  const shared = {
    ...environment,
    ...llmEnvironment(environment, backends.llm),
    DATABASE_URL: backends.databaseUrl,
    REDIS_URL: backends.redisUrl,
    PORT: String(port),
    HOST: LOOPBACK,
  };
  if (app !== 'gateway') return shared;
  const { email, password } = demoLogin(environment);
  return {
    ...shared,
    HOST: environment['HOST'] || LOOPBACK,
    JWT_PRIVATE_KEY: jwtPrivateKey,
    DEMO_USER_EMAIL: email,
    DEMO_USER_PASSWORD: password,
  };
}

export interface AppSurroundings {
  environment: NodeJS.ProcessEnv;
  port: number;
  backends: Backends;
  /** PEM, PKCS #8. */
  jwtPrivateKey: string;
}

/** The simulator stands in for the cloud model too, unless there is a real one. */
function llmEnvironment(environment: NodeJS.ProcessEnv, llm: Backends['llm']): NodeJS.ProcessEnv {
  if (!llm.isSimulated) return { OLLAMA_BASE_URL: llm.baseUrl };
  const cloud = environment['MAVERICK_BASE_URL']
    ? {}
    : { MAVERICK_BASE_URL: `${llm.baseUrl}/v1`, MAVERICK_API_KEY: 'simulated' };
  return { OLLAMA_BASE_URL: llm.baseUrl, LLM_SIMULATED: 'true', ...cloud };
}
