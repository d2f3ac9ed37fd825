import { Logger } from '@tollgate/observability';
import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { Messages, type MessagesOptions } from './messages.js';
import { RedisStreamsServer, type RedisStreamsServerOptions } from './redis-streams-server.js';

interface MessagingOptions extends MessagesOptions {
  /** For apps that answer requests, too. */
  server?: Omit<RedisStreamsServerOptions, 'redisUrl'>;
}

/** Provides {@link Messages}, and {@link RedisStreamsServer} for `app.connectMicroservice({ strategy })`. */
@Module({})
export class MessagingModule {
  static forRoot({ server, ...options }: MessagingOptions): DynamicModule {
    const providers: Provider[] = [
      { provide: Messages, inject: [Logger], useFactory: (logger: Logger) => new Messages(options, logger) },
    ];
    if (server) {
      providers.push({
        provide: RedisStreamsServer,
        inject: [Logger],
        useFactory: (logger: Logger) => new RedisStreamsServer({ ...server, redisUrl: options.redisUrl }, logger),
      });
    }
    return { module: MessagingModule, global: true, providers, exports: providers.map(tokenOf) };
  }
}

function tokenOf(provider: Provider) {
  return 'provide' in provider ? provider.provide : provider;
}
