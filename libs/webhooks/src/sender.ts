import { Database, Prisma } from '@tollgate/database';
import { OutboundFailure, webhookHeaders, type OutboundClient } from '@tollgate/outbound';
import { v7 as uuidv7 } from 'uuid';
import { ATTEMPTS_MAX, retryDelayMs } from './retry-delay.js';

const EVENTS_AT_ONCE = 200;
const DUE_AT_ONCE = 500;
const ANSWER_CHARACTERS_MAX = 500;
/** Longer than an attempt may take: nobody else tries meanwhile. */
const CLAIM_MS = 60_000;

export interface SenderOptions {
  client: Pick<OutboundClient, 'post'>;
  /** Between the first attempt and the second. */
  retryFirstMs: number;
}

/** `skipped`: it had ended, or another process is at it. */
export type DeliveryOutcome = 'delivered' | 'retry' | 'given_up' | 'skipped';

const claimedRow = { endpoint: true, event: true } as const;
type Claimed = Prisma.WebhookDeliveryGetPayload<{ include: typeof claimedRow }>;

interface Attempt {
  httpStatus: number | null;
  failure: string | null;
  answer: string;
  durationMs: number;
}

/** Brings events to endpoints. What is to be done stands in Postgres; whatever dies, the next look finds it. */
export class WebhookSender {
  constructor(
    private readonly database: Database,
    private readonly options: SenderOptions,
  ) {}

  /** Makes a delivery for each endpoint that wants an event; any number of processes may do it at once. Returns how many events there were. */
  async dispatchEvents(): Promise<number> {
    return this.database.$transaction(async (transaction) => {
      const events = await transaction.$queryRaw<{ id: string; account_id: string; type: string }[]>`
        SELECT id, account_id, type FROM webhook_event WHERE dispatched_at IS NULL
        ORDER BY occurred_at LIMIT ${EVENTS_AT_ONCE} FOR UPDATE SKIP LOCKED`;
      if (events.length === 0) return 0;
      const accountIds = [...new Set(events.map(({ account_id: accountId }) => accountId))];
      const endpoints = await transaction.webhookEndpoint.findMany({
        where: { accountId: { in: accountIds }, disabledAt: null },
      });
      const deliveries = events.flatMap(({ id: eventId, account_id: accountId, type }) =>
        endpoints
          .filter((endpoint) => endpoint.accountId === accountId && wants(endpoint.eventTypes, type))
          .map(({ id: endpointId }) => ({ id: uuidv7(), accountId, endpointId, eventId, attemptsMax: ATTEMPTS_MAX })),
      );
      await transaction.webhookDelivery.createMany({ data: deliveries, skipDuplicates: true });
      const ids = events.map(({ id }) => id);
      await transaction.webhookEvent.updateMany({ where: { id: { in: ids } }, data: { dispatchedAt: new Date() } });
      return events.length;
    });
  }

  /** Deliveries for which it is time. */
  async due(): Promise<{ id: string; attemptsMade: number }[]> {
    return this.database.webhookDelivery.findMany({
      where: { status: 'pending', nextAttemptAt: { lte: new Date() } },
      orderBy: { nextAttemptAt: 'asc' },
      take: DUE_AT_ONCE,
      select: { id: true, attemptsMade: true },
    });
  }

  /** Makes one attempt and records it. A process that is killed in between leaves a delivery that is tried again: at least once. */
  async attempt(id: string): Promise<{ outcome: DeliveryOutcome; retryMs?: number }> {
    const delivery = await this.claim(id);
    if (!delivery) return { outcome: 'skipped' };
    if (delivery.endpoint.disabledAt) return this.record(delivery, notSent('The webhook is disabled.'), true);
    return this.record(delivery, await this.send(delivery), false);
  }

  /** Puts the next attempt off, so that nobody else makes this one. */
  private async claim(id: string): Promise<Claimed | undefined> {
    const [claimed] = await this.database.$queryRaw<{ id: string }[]>`
      UPDATE webhook_delivery SET next_attempt_at = clock_timestamp() + ${CLAIM_MS} * interval '1 millisecond'
      WHERE id = ${id}::uuid AND status = 'pending' AND next_attempt_at <= clock_timestamp() RETURNING id`;
    if (!claimed) return undefined;
    return (await this.database.webhookDelivery.findFirst({ where: { id }, include: claimedRow })) ?? undefined;
  }

  private async send({ endpoint, event }: Claimed): Promise<Attempt> {
    const { id, type, occurredAt: timestamp, data } = event;
    const body = JSON.stringify({ type, timestamp, data });
    const now = new Date();
    const { secret, previousSecret, previousSecretUntil } = endpoint;
    const secrets =
      previousSecret && previousSecretUntil && previousSecretUntil > now ? [secret, previousSecret] : [secret];
    const signed = webhookHeaders(secrets, id, Math.floor(now.getTime() / 1_000), body);
    const headers = { 'content-type': 'application/json', 'user-agent': 'Tollgate-Webhooks/1', ...signed };
    const startedAt = performance.now();
    try {
      const { status, body: answer, durationMs } = await this.options.client.post(endpoint.url, { headers, body });
      return { httpStatus: status, failure: null, answer: printable(answer), durationMs };
    } catch (error) {
      if (!(error instanceof OutboundFailure)) throw error;
      return { ...notSent(error.message), durationMs: Math.round(performance.now() - startedAt) };
    }
  }

  private async record(
    delivery: Claimed,
    attempt: Attempt,
    isHopeless: boolean,
  ): Promise<{ outcome: DeliveryOutcome; retryMs?: number }> {
    const { id: deliveryId, attemptsMade, attemptsMax } = delivery;
    const number = attemptsMade + 1;
    const isDelivered = attempt.httpStatus !== null && attempt.httpStatus >= 200 && attempt.httpStatus < 300;
    const isGivenUp = !isDelivered && (isHopeless || number >= attemptsMax);
    const retryMs = retryDelayMs(number, this.options.retryFirstMs);
    const now = new Date();
    const end = isDelivered
      ? { status: 'delivered' as const, endedAt: now }
      : isGivenUp
        ? { status: 'given_up' as const, endedAt: now }
        : { nextAttemptAt: new Date(now.getTime() + retryMs) };
    await this.database.$transaction(
      async (tx) =>
        [
          await tx.webhookAttempt.create({ data: { deliveryId, number, at: now, ...attempt } }),
          await tx.webhookDelivery.update({ where: { id: deliveryId }, data: { attemptsMade: number, ...end } }),
        ] as const,
    );
    if (isDelivered) return { outcome: 'delivered' };
    return isGivenUp ? { outcome: 'given_up' } : { outcome: 'retry', retryMs };
  }
}

function wants(eventTypes: readonly string[], type: string): boolean {
  return eventTypes.length === 0 || eventTypes.includes(type);
}

function notSent(failure: string): Attempt {
  return { httpStatus: null, failure, answer: '', durationMs: 0 };
}

/** As much of an answer as a log takes, as Postgres takes it: no NUL, and no half of a surrogate pair. */
function printable(answer: string): string {
  return Buffer.from(answer.slice(0, ANSWER_CHARACTERS_MAX).replaceAll('\u0000', '')).toString();
}
