import {
  AppError,
  type Adjustment,
  type CreateAdjustmentRequest,
  type RefundRequest,
  type RerateRequest,
} from '@tollgate/contracts';
import { Adjustments } from '@tollgate/accounting';
import { Database, type Prisma } from '@tollgate/database';
import { Corrections } from '@tollgate/metering';
import { Injectable } from '@nestjs/common';
import { AuditLog } from './audit-log.js';

/** What is corrected after the fact, with its entry in the audit log in one transaction. What was asked before has no second one. */
@Injectable()
export class CorrectionsService {
  constructor(
    private readonly database: Database,
    private readonly corrections: Corrections,
    private readonly adjustments: Adjustments,
    private readonly audit: AuditLog,
  ) {}

  /** Raises `not_found`, and `invalid_request` for more than what is left of the charge. */
  async refund(request: RefundRequest): Promise<void> {
    const correction = { ...correctionOf(request), microUsd: BigInt(request.micro_usd) };
    await this.database.$transaction(async (tx) => {
      if (await this.corrections.refund(correction, tx)) await this.recordOfAttempt(tx, 'attempt.refund', request);
    });
  }

  /** Raises `not_found`, and `invalid_request` for a price that does not exist or is of another model. */
  async rerate(request: RerateRequest): Promise<void> {
    const { call_id: callId, attempt_number: attemptNumber } = request;
    await this.database.$transaction(async (tx) => {
      const price = await tx.priceVersion.findUnique({ where: { id: BigInt(request.price_id) } });
      const attempt = await tx.usageAttempt.findFirst({ where: { callId, attemptNumber, entryNumber: 0 } });
      if (!attempt) throw new AppError('not_found', 'There is no such attempt.');
      if (!price || price.model !== attempt.model || price.provider !== attempt.provider) {
        const message = `price_id: is no price of ${attempt.model} at ${attempt.provider}`;
        throw new AppError('invalid_request', message, { param: 'price_id' });
      }
      if (await this.corrections.rerate({ ...correctionOf(request), price }, tx)) {
        await this.recordOfAttempt(tx, 'attempt.rerate', request);
      }
    });
  }

  /** Raises `not_found` and `invalid_request`. */
  async adjust(request: CreateAdjustmentRequest): Promise<Adjustment> {
    await this.database.$transaction(async (tx) => {
      const after = await this.adjustments.create(tx, request);
      if (!after) return;
      const { id, account_id: accountId } = after;
      await this.audit.record(tx, { action: 'adjustment.create', subject: `adjustment:${id}`, accountId, after });
    });
    return this.adjustments.get(request.adjustment_id);
  }

  private async recordOfAttempt(
    tx: Prisma.TransactionClient,
    action: string,
    after: RefundRequest | RerateRequest,
  ): Promise<void> {
    const { call_id: callId, attempt_number: attemptNumber } = after;
    const attempt = await tx.usageAttempt.findFirst({ where: { callId, attemptNumber, entryNumber: 0 } });
    const subject = `attempt:${callId}/${attemptNumber}`;
    await this.audit.record(tx, { action, subject, accountId: attempt?.accountId, after });
  }
}

function correctionOf(request: RefundRequest | RerateRequest) {
  const { call_id: callId, attempt_number: attemptNumber, correction_id: correctionId, reason } = request;
  return { callId, attemptNumber, correctionId, reason };
}
