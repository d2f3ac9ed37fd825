import type { GatewayConfig } from '../config.js';

export const LIMITS_OPTIONS = Symbol('limits options');

export type LimitsOptions = GatewayConfig['limits'] & { redisUrl: string };
