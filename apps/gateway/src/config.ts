import {
  file,
  flag,
  httpVariables,
  integer,
  loadConfig,
  logVariables,
  outboundVariables,
  postgresVariables,
  redisVariables,
  replicaVariables,
  text,
  type Environment,
} from '@tollgate/config';
import { RegisterRequest } from '@tollgate/contracts';
import { loadPlansFile, planOverrides, tierLimitVariables } from '@tollgate/metering';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { readSigningKeys, type SigningKeySource } from './identity/signing-key.js';

const MAX_BODY_BYTES = 64 * 1024 * 1024;
const SECONDS_PER_YEAR = 365 * 86_400;

const variables = z
  .object({
    ...redisVariables,
    ...postgresVariables,
    ...logVariables,
    ...tierLimitVariables,
    ...outboundVariables,
    PORT: httpVariables.PORT.default(8080),
    HOST: httpVariables.HOST,
    QUEUE_MAX: replicaVariables.QUEUE_MAX,
    JWT_PRIVATE_KEY: text().transform(signingKeysOf),
    JWT_ISSUER: text().default('tollgate'),
    JWT_AUDIENCE: text().default('tollgate'),
    ACCESS_TOKEN_TTL_SECONDS: integer({ min: 1, max: 86_400 }).default(900),
    REFRESH_TOKEN_TTL_SECONDS: integer({ min: 60, max: SECONDS_PER_YEAR }).default(2_592_000),
    COOKIE_SECURE: flag().default(true),
    REQUEST_TIMEOUT_MS: integer({ min: 1, max: 3_600_000 }).default(300_000),
    BODY_BYTES_MAX: integer({ min: 1_024, max: MAX_BODY_BYTES }).default(1_048_576),
    CONNECTIONS_MAX: integer({ min: 1 }).default(10_000),
    CONNECTIONS_PER_ADDRESS_MAX: integer({ min: 1 }).default(1_000),
    REQUESTS_PER_CONNECTION_MAX: integer({ min: 1 }).default(100_000),
    /** From the connection on, or from the first byte of a further request. */
    HEADERS_TIMEOUT_MS: integer({ min: 100, max: 3_600_000 }).default(20_000),
    /** To send the whole request, so that slow clients cannot hold connections for ever. */
    RECEIVE_TIMEOUT_MS: integer({ min: 100, max: 3_600_000 }).default(60_000),
    /** Longer than that of common load balancers: of the two, they should close first. */
    KEEP_ALIVE_TIMEOUT_MS: integer({ min: 100, max: 3_600_000 }).default(72_000),
    /** Of a log that is uploaded, unpacked: answered at once, and read as a job. */
    LOG_UPLOAD_BYTES_MAX: integer({ min: 1_024, max: MAX_BODY_BYTES }).default(MAX_BODY_BYTES),
    LOG_JOB_BYTES_MAX: integer({ min: 1_024 }).default(1_073_741_824),
    CORS_ORIGINS: z
      .string()
      .transform(commaList)
      .refine((origins) => origins.every(isOrigin), 'must be origins like https://app.example.com, separated by commas')
      .default([]),
    RATE_LIMIT_ENABLED: flag().default(true),
    RATE_LIMIT_REQUESTS: integer({ min: 1 }).default(1_200),
    RATE_LIMIT_WINDOW: integer({ min: 1, max: 86_400 }).default(60),
    SIGN_IN_REQUESTS_PER_MINUTE: integer({ min: 1 }).default(300),
    /** `true` believes every peer's X-Forwarded-For; a list of addresses or networks only theirs. */
    TRUST_PROXY: z
      .string()
      .transform((value) => (value === 'true' || value === 'false' ? value === 'true' : commaList(value)))
      .default(false),
    WEBSOCKET_CONNECTIONS_MAX: integer({ min: 1, max: 100_000 }).default(5_000),
    WEBSOCKET_ACCOUNT_CONNECTIONS_MAX: integer({ min: 1, max: 100_000 }).default(100),
    WEBSOCKET_FRAMES_PER_SECOND: integer({ min: 1, max: 10_000 }).default(20),
    WEBSOCKET_PING_INTERVAL_MS: integer({ min: 100, max: 600_000 }).default(20_000),
    WEBSOCKET_SLOW_READER_MS: integer({ min: 100, max: 600_000 }).default(30_000),
    WEBSOCKET_TICKET_TTL_SECONDS: integer({ min: 1, max: 300 }).default(30),
    WEBSOCKET_HISTORY_TOKENS_MAX: integer({ min: 0, max: 1_000_000 }).default(6_000),
    PLANS_FILE: file('config/plans.yaml', loadPlansFile),
    DEMO_USER_EMAIL: RegisterRequest.shape.email.optional(),
    DEMO_USER_PASSWORD: RegisterRequest.shape.password.optional(),
    ADMIN_EMAIL: RegisterRequest.shape.email.optional(),
    ADMIN_PASSWORD: RegisterRequest.shape.password.optional(),
    LLM_SIMULATED: flag().default(false),
  })
  .refine((all) => all.HEADERS_TIMEOUT_MS <= all.RECEIVE_TIMEOUT_MS, {
    path: ['HEADERS_TIMEOUT_MS'],
    message: 'must not be longer than RECEIVE_TIMEOUT_MS',
  })
  .refine((all) => (all.ADMIN_EMAIL === undefined) === (all.ADMIN_PASSWORD === undefined), {
    path: ['ADMIN_EMAIL'],
    message: 'must be set together with ADMIN_PASSWORD, or neither',
    when: () => true,
  })
  .refine((all) => (all.DEMO_USER_EMAIL === undefined) === (all.DEMO_USER_PASSWORD === undefined), {
    path: ['DEMO_USER_EMAIL'],
    message: 'must be set together with DEMO_USER_PASSWORD, or neither',
    // Also when other variables are wrong, so that all problems are seen at once.
    when: () => true,
  });

export const variableNames = Object.keys(variables.shape);

export const loadGatewayConfig = (environment: Environment = process.env) =>
  loadConfig(
    variables.transform((all) => ({
      http: {
        port: all.PORT,
        host: all.HOST,
        bodyBytesMax: all.BODY_BYTES_MAX,
        connectionsMax: all.CONNECTIONS_MAX,
        connectionsPerAddressMax: all.CONNECTIONS_PER_ADDRESS_MAX,
        requestsPerConnectionMax: all.REQUESTS_PER_CONNECTION_MAX,
        headersTimeoutMs: all.HEADERS_TIMEOUT_MS,
        receiveTimeoutMs: all.RECEIVE_TIMEOUT_MS,
        keepAliveTimeoutMs: all.KEEP_ALIVE_TIMEOUT_MS,
        corsOrigins: all.CORS_ORIGINS,
        trustProxy: all.TRUST_PROXY,
      },
      identity: {
        signingKeys: all.JWT_PRIVATE_KEY,
        issuer: all.JWT_ISSUER,
        audience: all.JWT_AUDIENCE,
        accessTokenTtlSeconds: all.ACCESS_TOKEN_TTL_SECONDS,
        refreshTokenTtlSeconds: all.REFRESH_TOKEN_TTL_SECONDS,
        cookieSecure: all.COOKIE_SECURE,
        demoUser: loginOf(all.DEMO_USER_EMAIL, all.DEMO_USER_PASSWORD),
        adminUser: loginOf(all.ADMIN_EMAIL, all.ADMIN_PASSWORD),
      },
      postgres: { url: all.DATABASE_URL, poolMax: all.DATABASE_POOL_MAX },
      redis: { url: all.REDIS_URL },
      log: { level: all.LOG_LEVEL },
      limits: {
        enabled: all.RATE_LIMIT_ENABLED,
        /** Of any kind, for each account or address, in a window. */
        requestsMax: all.RATE_LIMIT_REQUESTS,
        windowSeconds: all.RATE_LIMIT_WINDOW,
        signInsPerMinute: all.SIGN_IN_REQUESTS_PER_MINUTE,
      },
      uploads: { answerBytesMax: all.LOG_UPLOAD_BYTES_MAX, jobBytesMax: all.LOG_JOB_BYTES_MAX },
      webSocket: {
        connectionsMax: all.WEBSOCKET_CONNECTIONS_MAX,
        /** Of one account to this gateway. */
        accountConnectionsMax: all.WEBSOCKET_ACCOUNT_CONNECTIONS_MAX,
        framesPerSecond: all.WEBSOCKET_FRAMES_PER_SECOND,
        frameBytesMax: all.BODY_BYTES_MAX,
        pingIntervalMs: all.WEBSOCKET_PING_INTERVAL_MS,
        slowReaderMs: all.WEBSOCKET_SLOW_READER_MS,
        ticketTtlSeconds: all.WEBSOCKET_TICKET_TTL_SECONDS,
        historyTokensMax: all.WEBSOCKET_HISTORY_TOKENS_MAX,
        origins: all.CORS_ORIGINS,
        requestTimeoutMs: all.REQUEST_TIMEOUT_MS,
      },
      replica: { queueMax: all.QUEUE_MAX },
      requestTimeoutMs: all.REQUEST_TIMEOUT_MS,
      plans: all.PLANS_FILE,
      planOverrides: planOverrides(all),
      webhooks: { allowPrivate: all.WEBHOOK_ALLOW_PRIVATE, allowedHosts: all.WEBHOOK_ALLOWED_HOSTS },
      llmSimulated: all.LLM_SIMULATED,
    })),
    environment,
  );

export type GatewayConfig = ReturnType<typeof loadGatewayConfig>;

function loginOf(email: string | undefined, password: string | undefined) {
  return email && password ? { email, password } : undefined;
}

/** The keys themselves, whose lines may end in a written \n, or the path of a file with them. */
function signingKeysOf(value: string, context: z.RefinementCtx): SigningKeySource {
  const path = value.startsWith('-----BEGIN') ? undefined : value;
  try {
    return { path, keys: readSigningKeys(path ? readFileSync(path, 'utf8') : value.replaceAll('\\n', '\n')) };
  } catch {
    const message = 'must be the private key of an ES256 key pair (P-256), as PKCS8 PEM, or a file with one or more';
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  }
}

function commaList(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function isOrigin(value: string): boolean {
  return URL.parse(value)?.origin === value;
}
