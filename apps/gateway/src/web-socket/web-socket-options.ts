import type { GatewayConfig } from '../config.js';

export const WEB_SOCKET_OPTIONS = Symbol('web socket options');

export type WebSocketOptions = GatewayConfig['webSocket'];
