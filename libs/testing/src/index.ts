export { newSigningKey, quickNodeFlags, runApp, startApp, type AppProcess } from './app-processes.js';
export { isDockerAvailable } from './docker.js';
export { startPostgres, type PostgresOptions } from './postgres.js';
export { findRedisServer, installRedis, startRedis, type RedisOptions } from './redis.js';
export { repositoryDir } from './repository-dir.mjs';
export { commandLineOf, freePort, type RunningServer } from './server-process.js';
export {
  createTestDatabase,
  newTestDatabase,
  nextRedisUrl,
  startTestServers,
  testRedisUrl,
  type TestServers,
} from './test-servers.js';
export { startSimulator, type Simulator, type SimulatorOptions } from './simulator.js';
export type { SimulatedCall } from './simulator-call-log.js';
export type { SimulatorDialectName } from './simulator-dialects.js';
export { SimulatorFault } from './simulator-faults.js';
export type { Pace } from './simulator-pace.js';
export { eventually, failureOf } from './expectations.js';
export { refusedHandshake, WebSocketClient, type HeardFrame } from './web-socket-client.js';
