/** In the order of their start: whoever asks comes after those who answer, and stops first. */
export const apps = ['billing', 'llm-router', 'text-processing', 'chat', 'log-analysis', 'gateway'] as const;
export type AppName = (typeof apps)[number];

export interface Backends {
  databaseUrl: string;
  redisUrl: string;
  llm: { baseUrl: string; isSimulated: boolean };
}

const DEFAULT_GATEWAY_PORT = 8080;
export const LOOPBACK = '127.0.0.1';
/** The launcher kills an app that has not ended after 15 seconds. */
const DRAIN_TIMEOUT_MS = 10_000;
const demoUser = { email: 'demo@tollgate.local', password: 'tollgate-demo' };

/** @throws Error that names the variable when PORT is no port */
export function gatewayPort(environment: NodeJS.ProcessEnv): number {
  const text = environment['PORT'] || String(DEFAULT_GATEWAY_PORT);
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error('PORT must be a number from 1 to 65535.');
  return port;
}

/** Where the gateway listens. */
export function gatewayHost(environment: NodeJS.ProcessEnv): string {
  return environment['HOST'] || LOOPBACK;
}

/** Where the gateway is reached from this machine, as a URL has it. */
export function hostToReach(host: string): string {
  if (host === '0.0.0.0' || host === '::') return LOOPBACK;
  return host.includes(':') ? `[${host}]` : host;
}

export interface Login {
  email: string;
  password: string;
}

/** Undefined when others than this machine can reach the gateway: everybody knows the password of the usual demo user. */
export function demoLogin(environment: NodeJS.ProcessEnv): Login | undefined {
  const email = environment['DEMO_USER_EMAIL'];
  const password = environment['DEMO_USER_PASSWORD'];
  if (email && password) return { email, password };
  if (!isLoopback(gatewayHost(environment))) return undefined;
  return { email: email || demoUser.email, password: password || demoUser.password };
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
    DRAIN_TIMEOUT_MS: environment['DRAIN_TIMEOUT_MS'] || String(DRAIN_TIMEOUT_MS),
  };
  if (app !== 'gateway') return shared;
  const login = demoLogin(environment);
  return {
    ...shared,
    HOST: gatewayHost(environment),
    JWT_PRIVATE_KEY: jwtPrivateKey,
    ...(login && { DEMO_USER_EMAIL: login.email, DEMO_USER_PASSWORD: login.password }),
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

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host);
}
