import type { Contract } from '@tollgate/contracts';
import type { Logger } from '@tollgate/observability';
import type { Handler, QueuedRequest } from './execution.js';
import { metrics } from './metrics.js';
import type { Entry } from './redis.js';
import { Envelope, valuesOf } from './wire.js';

/** Makes requests of what lies in the stream of a service. */
export class RequestParser {
  constructor(
    private readonly service: string,
    private readonly contracts: ReadonlyMap<string, Contract>,
    private readonly handlers: ReadonlyMap<string, Handler>,
    private readonly log: Logger,
  ) {}

  /** Undefined for what is no request that can be run here; it is logged and counted. */
  parse([entryId, fields]: Entry): QueuedRequest | undefined {
    const envelope = fields && this.parseEnvelope(entryId, fields);
    if (!envelope) return undefined;
    const contract = this.contracts.get(envelope.contract);
    const handler = this.handlers.get(envelope.contract);
    if (contract && handler) return { entryId, envelope, contract, handler };
    this.log.error('a request for an unknown contract was dropped', { contract: envelope.contract, entry_id: entryId });
    metrics.dropped.inc({ service: this.service, reason: 'unknown_contract' });
    return undefined;
  }

  private parseEnvelope(entryId: string, fields: readonly string[]): Envelope | undefined {
    try {
      return Envelope.parse(JSON.parse(valuesOf(fields, 'm')[0] ?? 'null'));
    } catch (error) {
      this.log.error('a message that is not a request was dropped', { err: error, entry_id: entryId });
      metrics.dropped.inc({ service: this.service, reason: 'not_a_request' });
      return undefined;
    }
  }
}
