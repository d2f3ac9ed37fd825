import {
  CreateAdjustmentRequest,
  CreatePlanRequest,
  CreatePriceRequest,
  invalidRequest,
  RefundRequest,
  RerateRequest,
  type Adjustment,
  type AdjustmentList,
  type Plan,
  type PlanList,
  type Price,
  type PriceList,
} from '@tollgate/contracts';
import { Adjustments } from '@tollgate/accounting';
import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Answers, bodyErrors, Paged, serverErrors, tokenErrors } from '../http/openapi.js';
import { AdminOnly } from '../identity/permissions.js';
import { CostsNothing } from '../limits/route-kind.js';
import { CorrectionsService } from './corrections.service.js';
import { parseListQuery } from './list-query.js';
import { TermsService } from './terms.service.js';

const errors = [...tokenErrors, 'forbidden' as const, ...bodyErrors, ...serverErrors];

const PriceQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  after: z
    .string()
    .regex(/^\d{1,18}$/)
    .optional(),
  provider: z.string().optional(),
  model: z.string().optional(),
});

/** What is sold, and what is given back. */
@ApiTags('admin')
@ApiBearerAuth()
@AdminOnly()
@CostsNothing()
@Controller('api/v1/admin')
export class AdminBillingController {
  constructor(
    private readonly terms: TermsService,
    private readonly corrections: CorrectionsService,
    private readonly adjustments: Adjustments,
  ) {}

  @Get('plans')
  @ApiOperation({ summary: 'Every version of every plan' })
  @Answers({ json: 'PlanList', errors })
  listPlans(): Promise<PlanList> {
    return this.terms.listPlans();
  }

  @Post('plans')
  @ApiOperation({ summary: 'A new plan, or the next version of one, now or from a date on' })
  @Answers({ status: 201, json: 'Plan', errors })
  createPlan(@Body({ schema: CreatePlanRequest }) body: CreatePlanRequest): Promise<Plan> {
    return this.terms.createPlan(body);
  }

  @Get('prices')
  @ApiOperation({ summary: 'Versions of the prices of models, the newest first' })
  @Paged(
    { name: 'provider', description: 'Of this provider', schema: { type: 'string' } },
    { name: 'model', description: 'Of this model', schema: { type: 'string' } },
  )
  @Answers({ json: 'PriceList', errors })
  listPrices(@Query() query: unknown): Promise<PriceList> {
    const parsed = PriceQuery.safeParse(query);
    if (!parsed.success) throw invalidRequest(parsed.error.issues, 'query');
    return this.terms.listPrices(parsed.data);
  }

  @Post('prices')
  @ApiOperation({ summary: 'A new version of the price of a model, now or from a date on; all four kinds of tokens' })
  @Answers({ status: 201, json: 'Price', errors })
  createPrice(@Body({ schema: CreatePriceRequest }) body: CreatePriceRequest): Promise<Price> {
    return this.terms.createPrice(body);
  }

  @Post('refunds')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Give back part of what an attempt was charged; the same correction_id again changes nothing',
  })
  @Answers({ status: 204, errors: ['not_found', ...errors] })
  refund(@Body({ schema: RefundRequest }) body: RefundRequest): Promise<void> {
    return this.corrections.refund(body);
  }

  @Post('reratings')
  @HttpCode(204)
  @ApiOperation({ summary: 'State an attempt anew at another price; the same correction_id again changes nothing' })
  @Answers({ status: 204, errors: ['not_found', ...errors] })
  rerate(@Body({ schema: RerateRequest }) body: RerateRequest): Promise<void> {
    return this.corrections.rerate(body);
  }

  @Get('adjustments')
  @ApiOperation({ summary: 'Credits and charges that were decided on, the newest first' })
  @Paged({ name: 'account_id', description: 'Of this account alone' })
  @Answers({ json: 'AdjustmentList', errors })
  listAdjustments(@Query() query: unknown): Promise<AdjustmentList> {
    return this.adjustments.list(parseListQuery(query));
  }

  @Post('adjustments')
  @ApiOperation({
    summary: 'A credit or a charge on the next invoice of an account; the same adjustment_id again changes nothing',
  })
  @Answers({ status: 201, json: 'Adjustment', errors: ['not_found', ...errors] })
  adjust(@Body({ schema: CreateAdjustmentRequest }) body: CreateAdjustmentRequest): Promise<Adjustment> {
    return this.corrections.adjust(body);
  }
}
