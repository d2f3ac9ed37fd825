import { AppError, type Caller, type WebSocketClientFrame } from '@tollgate/contracts';
import { Logger } from '@tollgate/observability';
import { Inject, Injectable, type OnModuleDestroy, type OnApplicationShutdown } from '@nestjs/common';
import { toAppError } from '../http/error-response.js';
import { rateLimitExceeded } from '../limits/rate-limit-error.js';
import { closeCodes } from './close-codes.js';
import type { Connection } from './connection.js';
import { Credentials, isExpired } from './credentials.service.js';
import { connectionBytes, connectionsClosed, connectionsOpen } from './metrics.js';
import { WEB_SOCKET_OPTIONS, type WebSocketOptions } from './web-socket-options.js';

/** How late a revoked token, a silent client or one that does not read is noticed. */
const WATCH_EVERY_MS = 500;
const RETRY_AFTER_MS = 1_000;

/** All connections of this gateway: how many there may be, and which must end. */
@Injectable()
export class Connections implements OnModuleDestroy, OnApplicationShutdown {
  private readonly open = new Set<Connection>();
  private readonly openOfAccount = new Map<string, number>();
  private readonly timer = setInterval(() => void this.watch(), WATCH_EVERY_MS).unref();
  private isWatching = false;
  private isDraining = false;

  constructor(
    @Inject(WEB_SOCKET_OPTIONS) private readonly options: WebSocketOptions,
    private readonly credentials: Credentials,
    private readonly logger: Logger,
  ) {}

  /** Raises `rate_limit_exceeded`, `overloaded` and `shutting_down`. */
  checkRoom({ account_id: accountId, tier }: Caller): void {
    const { connectionsMax, accountConnectionsMax: max } = this.options;
    if (this.isDraining) throw new AppError('shutting_down', 'This gateway is stopping.', { retryAfterSeconds: 1 });
    if (this.open.size >= connectionsMax) {
      throw new AppError('overloaded', 'This gateway has no room for more connections.', { retryAfterSeconds: 1 });
    }
    if ((this.openOfAccount.get(accountId) ?? 0) < max) return;
    const message = `An account has at most ${max} connections to one gateway.`;
    throw rateLimitExceeded(message, { limit: max, limitName: 'connections', waitMs: RETRY_AFTER_MS, tier });
  }

  add(connection: Connection, onFrame: (frame: WebSocketClientFrame) => void): void {
    const accountId = connection.caller.account_id;
    this.open.add(connection);
    this.openOfAccount.set(accountId, (this.openOfAccount.get(accountId) ?? 0) + 1);
    connectionsOpen.inc();
    connection.listen(onFrame, (code) => this.remove(connection, accountId, code));
  }

  /**
   * Answers that run are finished; closing the server waits for their connections. This is the first step of a shutdown:
   * in the second one others wait for what runs, and clients would hear of nothing until that has ended.
   */
  onModuleDestroy(): void {
    this.isDraining = true;
    for (const connection of this.open) connection.drain();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  private remove(connection: Connection, accountId: string, code: number): void {
    this.open.delete(connection);
    const left = (this.openOfAccount.get(accountId) ?? 1) - 1;
    if (left === 0) this.openOfAccount.delete(accountId);
    else this.openOfAccount.set(accountId, left);
    connectionsOpen.dec();
    connectionsClosed.inc({ code: String(code) });
    connectionBytes.observe({ direction: 'in' }, connection.receivedBytes);
    connectionBytes.observe({ direction: 'out' }, connection.sentBytes);
    this.logger.log('websocket closed', {
      connection_id: connection.id,
      code,
      duration_ms: Math.round(performance.now() - connection.openedAt),
      received_bytes: connection.receivedBytes,
      sent_bytes: connection.sentBytes,
    });
  }

  private async watch(): Promise<void> {
    if (this.isWatching || this.open.size === 0) return;
    this.isWatching = true;
    try {
      for (const connection of this.open) connection.check();
      await this.endExpired();
    } catch (error) {
      // Postgres is away: nobody knows better than the last time.
      this.logger.debug('The callers of connections could not be looked up.', { err: error });
    } finally {
      this.isWatching = false;
    }
  }

  private async endExpired(): Promise<void> {
    for (const connection of this.open) {
      if (!isExpired(connection.credential)) continue;
      connection.refuse(closeCodes.unauthenticated, new AppError('token_expired', 'The access token has expired.'));
    }
    const connections = [...this.open];
    await this.credentials.refresh(connections.map(({ credential }) => credential));
    for (const connection of connections) {
      try {
        connection.caller = await this.credentials.callerOf(connection.credential);
      } catch (thrown) {
        const error = toAppError(thrown);
        if (error.status === 401 || error.status === 403) connection.refuse(closeCodes.unauthenticated, error);
      }
    }
  }
}
