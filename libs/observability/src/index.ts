export { HealthController, READINESS_CHECKS, SERVICE_INFO, type ReadinessCheck, type ServiceInfo } from './health.js';
export { createLogger, Logger, scrub } from './logger.js';
export { ObservabilityModule } from './observability.module.js';
export { pooledRandomBytes } from './random-bytes.js';
export { currentRequest, runInRequest, type RequestContext } from './request-context.js';
export { childTraceparent, traceIdOf } from './trace.js';
export { stopOnSignals } from './stop-on-signals.js';
