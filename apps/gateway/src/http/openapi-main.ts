// Prints the OpenAPI document of this gateway. Connects to nothing.
import { generateKeyPairSync } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { loadGatewayConfig } from '../config.js';
import { GatewayModule } from '../gateway.module.js';
import { createDocument } from './openapi-document.js';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const config = loadGatewayConfig({
  DATABASE_URL: 'postgres://localhost/none',
  REDIS_URL: 'redis://localhost',
  JWT_PRIVATE_KEY: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
});
const app = await NestFactory.create(GatewayModule.forRoot(config), new FastifyAdapter(), {
  preview: true,
  logger: false,
});
process.stdout.write(`${JSON.stringify(createDocument(app), undefined, 2)}\n`);
