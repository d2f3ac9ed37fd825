/**
 * `url_refused`: not a URL that may be called, whatever it resolves to. `address_refused`: it resolves to an address that may
 * not be called. `unreachable`: no connection, or it broke. `timeout`: no complete answer in time.
 */
export type OutboundFailureReason = 'url_refused' | 'address_refused' | 'unreachable' | 'timeout';

/**
 * A call that got no answer. The message may be shown to the tenant: it never says what the network said, which would tell open
 * ports from closed ones. That is in `cause`.
 */
export class OutboundFailure extends Error {
  override readonly name = 'OutboundFailure';

  constructor(
    readonly reason: OutboundFailureReason,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}
