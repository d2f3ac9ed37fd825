import type { GatewayHealth, GatewayReadiness } from '@tollgate/contracts';
import {
  HealthController,
  READINESS_CHECKS,
  SERVICE_INFO,
  type ReadinessCheck,
  type ServiceInfo,
} from '@tollgate/observability';
import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Answers, reference } from '../http/openapi.js';
import { Public } from '../identity/access-token.guard.js';
import { LlmStatus } from './llm-status.service.js';
import { Probe } from '../limits/route-kind.js';
import { metricsSummary } from './metrics-summary.js';
import { wantsPrometheus } from './wants-prometheus.js';

/** The probes of every app, with what the documented model service says beside. They carry no token. */
@Public()
@Probe()
@ApiTags('health')
@Controller()
export class StatusController extends HealthController {
  private readonly isSimulated: boolean;

  constructor(
    @Inject(SERVICE_INFO) info: ServiceInfo,
    @Inject(READINESS_CHECKS) checks: ReadinessCheck[],
    private readonly llm: LlmStatus,
  ) {
    super(info, checks);
    this.isSimulated = info['llm_simulated'] === true;
  }

  /** 200 whatever the others do: an outage of Ollama must not restart every gateway. */
  @Get('health')
  @ApiOperation({ summary: 'The process is alive, and what it last heard of Ollama and the cache' })
  @Answers({ json: 'GatewayHealth', errors: [] })
  override async health(): Promise<GatewayHealth> {
    const llm = await this.llm.current();
    return {
      ...this.alive(),
      llm_simulated: this.isSimulated,
      ollama_status: llm?.ollama_status ?? 'disconnected',
      model: llm?.model ?? null,
      cache_status: llm?.cache.status ?? 'disconnected',
    };
  }

  @Get('ready')
  @ApiOperation({ summary: 'The process can serve: 200 when Postgres and Redis answer, else 503' })
  @Answers({ json: 'GatewayReadiness', errors: [] })
  @ApiResponse({
    status: 503,
    description: 'Something is down',
    content: { 'application/json': { schema: reference('GatewayReadiness') } },
  })
  override ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<GatewayReadiness> {
    return super.ready(reply);
  }

  @Get('metrics')
  @ApiOperation({
    summary: 'The documented figures as JSON, or Prometheus’ metrics for a client that accepts text/plain',
  })
  @Answers({
    json: 'GatewayMetrics',
    text: { 'text/plain': '# TYPE tollgate_http_requests_total counter\n' },
    errors: [],
  })
  override async metrics(@Res({ passthrough: true }) reply: FastifyReply) {
    reply.header('vary', 'accept');
    if (wantsPrometheus(reply.request.headers.accept)) return super.metrics(reply);
    reply.header('content-type', 'application/json; charset=utf-8');
    return JSON.stringify(await metricsSummary(await this.llm.current()));
  }
}
