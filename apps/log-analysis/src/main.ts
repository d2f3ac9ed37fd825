import { loadConfigOrExit } from '@tollgate/config';
import { RedisStreamsServer } from '@tollgate/messaging';
import { Logger, stopOnSignals } from '@tollgate/observability';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { loadLogAnalysisConfig } from './config.js';
import { LogAnalysisModule } from './log-analysis.module.js';

const config = loadConfigOrExit(loadLogAnalysisConfig);
const app = await NestFactory.create(LogAnalysisModule.forRoot(config), new FastifyAdapter(), { bufferLogs: true });
app.useLogger(app.get(Logger));
app.connectMicroservice({ strategy: app.get(RedisStreamsServer) });
stopOnSignals(app);
await app.startAllMicroservices();
await app.listen(config.http.port, config.http.host);
