import type { GatewayConfig } from '../config.js';

export const IDENTITY_OPTIONS = Symbol('identity options');

export type IdentityOptions = GatewayConfig['identity'];
