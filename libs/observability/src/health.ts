import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { register } from 'prom-client';

/** Something without which the app cannot serve; `check` rejects when it is not there. */
export interface ReadinessCheck {
  name: string;
  check: () => Promise<unknown>;
}

export const READINESS_CHECKS = Symbol('readiness checks');
export const SERVICE_INFO = Symbol('service info');

/** What /health says of the app beside its status. */
export interface ServiceInfo {
  service: string;
  [fact: string]: unknown;
}

const CHECK_TIMEOUT_MS = 2_000;

@Controller()
export class HealthController {
  constructor(
    @Inject(SERVICE_INFO) private readonly info: ServiceInfo,
    @Inject(READINESS_CHECKS) private readonly checks: ReadinessCheck[],
  ) {}

  /** The process is alive. Says nothing of its dependencies, so that an outage of one does not restart every replica. */
  @Get('health')
  health(): unknown {
    return this.alive();
  }

  /** The process can serve: every dependency answered within two seconds. */
  @Get('ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    const states = await Promise.all(this.checks.map(async ({ name, check }) => [name, await stateOf(check)] as const));
    const ready = states.every(([, state]) => state === 'up');
    reply.status(ready ? 200 : 503);
    return { status: ready ? ('ready' as const) : ('not ready' as const), checks: Object.fromEntries(states) };
  }

  @Get('metrics')
  async metrics(@Res({ passthrough: true }) reply: FastifyReply) {
    reply.header('content-type', register.contentType);
    return register.metrics();
  }

  /** For a controller that says more. */
  protected alive() {
    return {
      status: 'healthy' as const,
      ...this.info,
      uptime_seconds: Math.round(process.uptime()),
      timestamp: new Date().toISOString(),
    };
  }
}

async function stateOf(check: () => Promise<unknown>): Promise<'up' | 'down'> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<'down'>((resolve) => {
    timer = setTimeout(() => resolve('down'), CHECK_TIMEOUT_MS);
  });
  try {
    return await Promise.race([check().then(() => 'up' as const), timeout]);
  } catch {
    return 'down';
  } finally {
    clearTimeout(timer);
  }
}
