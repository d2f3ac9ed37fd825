import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';

const execute = promisify(execFile);

const POSTGRES_IMAGE = 'postgres:18.1-alpine';
const REDIS_IMAGE = 'redis:7.4.7-alpine';

/** True when a Docker engine answers within two seconds. */
export async function isDockerAvailable(): Promise<boolean> {
  const args = ['version', '--format', '{{.Server.Version}}'];
  return execute('docker', args, { timeout: 2_000 }).then(
    () => true,
    () => false,
  );
}

/** Runs in the foreground, so that whoever stops the command stops the container. */
export function dockerRedis(port: number, dir: string, settings: string[]): { command: string; args: string[] } {
  const options = [
    '--rm',
    '--name',
    containerName(dir),
    '--publish',
    `127.0.0.1:${port}:6379`,
    '--volume',
    `${dir}:/data`,
  ];
  return { command: 'docker', args: ['run', ...options, REDIS_IMAGE, 'redis-server', ...settings] };
}

/** Removes the container that a killed launcher left on the same folder, if there is one. */
export async function removeDockerRedis(dir: string): Promise<void> {
  await execute('docker', ['rm', '--force', containerName(dir)]).catch(() => undefined);
}

function containerName(dir: string): string {
  return `tollgate-redis-${createHash('sha256').update(dir).digest('hex').slice(0, 12)}`;
}

/**
 * Postgres and Redis by Testcontainers, which also removes them when this process dies.
 * @throws Error when the engine cannot fetch or start an image
 */
export async function startContainers(): Promise<{ databaseUrl: string; redisUrl: string; stop(): Promise<void> }> {
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
  const { RedisContainer } = await import('@testcontainers/redis');
  const fast = ['-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'full_page_writes=off'];
  const postgres = await new PostgreSqlContainer(POSTGRES_IMAGE)
    .withDatabase('tollgate')
    .withCommand(['postgres', '-c', 'max_connections=200', ...fast])
    .start();
  try {
    const redis = await new RedisContainer(REDIS_IMAGE).start();
    return {
      databaseUrl: postgres.getConnectionUri(),
      redisUrl: redis.getConnectionUrl(),
      stop: async () => {
        await redis.stop();
        await postgres.stop();
      },
    };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}
