import { loadConfigOrExit } from '@tollgate/config';
import { Logger, stopOnSignals } from '@tollgate/observability';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { BillingModule } from './billing.module.js';
import { loadBillingConfig } from './config.js';

const config = loadConfigOrExit(loadBillingConfig);
const app = await NestFactory.create(BillingModule.forRoot(config), new FastifyAdapter(), { bufferLogs: true });
app.useLogger(app.get(Logger));
stopOnSignals(app);
await app.listen(config.http.port, config.http.host);
