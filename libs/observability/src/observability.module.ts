import { Module, type DynamicModule, type FactoryProvider } from '@nestjs/common';
import { collectDefaultMetrics, register } from 'prom-client';
import { HealthController, READINESS_CHECKS, SERVICE_INFO, type ReadinessCheck, type ServiceInfo } from './health.js';
import { createLogger, Logger } from './logger.js';

interface ObservabilityOptions {
  info: ServiceInfo;
  logLevel: string;
  /** False for an app that serves /health, /ready and /metrics by a controller of its own. */
  hasController?: boolean;
  /** Providers to inject into `readiness`. */
  inject?: FactoryProvider['inject'];
  readiness?: (...dependencies: never[]) => ReadinessCheck[];
}

/** Logger, /health, /ready and /metrics for one app. */
@Module({})
export class ObservabilityModule {
  static forRoot(options: ObservabilityOptions): DynamicModule {
    const { info, logLevel, hasController = true, inject = [], readiness = () => [] } = options;
    register.setDefaultLabels({ app: info.service });
    if (!register.getSingleMetric('process_cpu_seconds_total')) collectDefaultMetrics();
    return {
      module: ObservabilityModule,
      global: true,
      controllers: hasController ? [HealthController] : [],
      providers: [
        { provide: Logger, useValue: new Logger(createLogger(info.service, logLevel)) },
        { provide: SERVICE_INFO, useValue: info },
        { provide: READINESS_CHECKS, inject, useFactory: readiness },
      ],
      exports: [Logger, SERVICE_INFO, READINESS_CHECKS],
    };
  }
}
