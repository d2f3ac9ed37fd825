export { Handle, TOLLGATE_TRANSPORT } from './handle.js';
export { MessageContext } from './message-context.js';
export { Messages, type MessagesOptions, type SendOptions } from './messages.js';
export { MessagingModule } from './messaging.module.js';
export { RedisStreamsServer, type RedisStreamsServerOptions } from './redis-streams-server.js';
