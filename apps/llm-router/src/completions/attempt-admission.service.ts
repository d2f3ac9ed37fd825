import { setTimeout as sleep } from 'node:timers/promises';
import type { CompletionRequest } from '@tollgate/contracts';
import { contextLengthExceeded, contextUsage, countPromptTokens, countTokens } from '@tollgate/llm';
import type { MessageContext } from '@tollgate/messaging';
import { Injectable } from '@nestjs/common';
import { Catalogue, type ModelCandidate, type PricedModel } from '../catalogue/catalogue.service.js';
import type { Pass } from '../providers/circuit-breaker.js';
import type { ProviderEntry } from '../providers/provider-entry.js';
import { ProviderRegistry } from '../providers/provider-registry.service.js';
import { Attempt } from './attempt.js';
import type { AttemptPlan } from './attempt-plan.js';

/** A model that cools down for longer is not waited for. */
const COOLING_WAIT_MS_MAX = 20_000;
/** After a cool-down not all who waited come at once. */
const COOLING_JITTER_MS = 250;

/** Leave to run one attempt; `leave` gives the place at the provider back and may be called again. */
export interface Admission {
  attempt: Attempt;
  entry: ProviderEntry;
  pass: Pass;
  /** Is there somebody else to ask, should this attempt fail? */
  hasAlternative: boolean;
  leave: () => void;
}

type Turn = Pick<Admission, 'pass' | 'leave'>;

/** Finds the model for the next attempt of a request and waits for its turn there. */
@Injectable()
export class AttemptAdmission {
  constructor(
    private readonly catalogue: Catalogue,
    private readonly providers: ProviderRegistry,
  ) {}

  /**
   * Resolves when the attempt may start. Rejects with the signal's reason, with `overloaded`, with the error of `plan` when
   * nobody is left, with `context_length_exceeded` when the first choice is too small (a fallback that is too small is
   * passed over), `model_not_found`, `model_not_allowed` or `no_model_available`.
   */
  async enter(request: CompletionRequest, context: MessageContext, plan: AttemptPlan<PricedModel>): Promise<Admission> {
    const count = promptCounter(request);
    let hasWaited = false;
    for (;;) {
      const candidates = plan.worthTrying(this.catalogue.candidates(context.caller.tier, request.model));
      const fitting = fittingOf(candidates, count, plan.nextNumber > 1);
      const [chosen, alternative] = fitting;
      if (!chosen) {
        await this.waitForCooling(request, context, plan);
        continue;
      }
      const { model, reason } = chosen;
      if (!hasWaited) {
        hasWaited = true;
        const waitMs = plan.waitMs(model);
        if (waitMs > 0) {
          if (Date.now() + waitMs >= context.deadlineAt) throw plan.error();
          await pause(waitMs, context.signal);
          continue; // Things may look different now.
        }
      }
      const entry = this.providers.get(model.provider);
      const turn = entry && (await this.turnAt(entry, model, context));
      if (!turn) continue;
      const attempt = new Attempt(plan.nextNumber, model, reason, count(model));
      return { attempt, entry, ...turn, hasAlternative: alternative !== undefined };
    }
  }

  /** Undefined when the provider has gone bad while we waited. */
  private async turnAt(entry: ProviderEntry, model: PricedModel, context: MessageContext): Promise<Turn | undefined> {
    const { signal, caller } = context;
    const leaveProvider = await entry.queue.enter(caller.account_id, signal);
    let leaveAll = leaveProvider;
    try {
      const leaveTotal = await this.providers.total.enter(caller.account_id, signal);
      leaveAll = () => {
        leaveProvider();
        leaveTotal();
      };
    } catch (error) {
      leaveProvider();
      throw error;
    }
    const isThere = !entry.isRetired && entry.serves(model.upstreamName);
    const pass = isThere ? entry.healthOf(model.upstreamName).admit() : undefined;
    if (pass) return { pass, leave: leaveAll };
    leaveAll();
    return undefined;
  }

  private async waitForCooling(
    { model }: CompletionRequest,
    { caller, signal, deadlineAt }: MessageContext,
    plan: AttemptPlan<PricedModel>,
  ): Promise<void> {
    const coolingMs = this.catalogue.coolingMs(caller.tier, model);
    const waitMs = (coolingMs ?? Infinity) + Math.random() * COOLING_JITTER_MS;
    if (waitMs <= COOLING_WAIT_MS_MAX && Date.now() + waitMs < deadlineAt) return pause(waitMs, signal);
    if (plan.nextNumber > 1) throw plan.error();
    this.catalogue.refuse(caller.tier, model);
  }
}

/** Prompt tokens for a model's tokenizer, counted once for each model. */
function promptCounter({ messages, tools }: CompletionRequest): (model: PricedModel) => number {
  const counts = new Map<string, number>();
  const toolsText = tools?.length ? JSON.stringify(tools) : '';
  return ({ id, tokenizer, contextLength }) => {
    const known = counts.get(id);
    if (known !== undefined) return known;
    const inTools = toolsText === '' ? 0 : countTokens(toolsText, tokenizer, contextLength);
    const tokens = countPromptTokens(messages, tokenizer, contextLength) + inTools;
    counts.set(id, tokens);
    return tokens;
  };
}

/** The first two that the prompt fits. */
function fittingOf(
  candidates: readonly ModelCandidate[],
  count: (model: PricedModel) => number,
  mayPassOver: boolean,
): ModelCandidate[] {
  const fitting: ModelCandidate[] = [];
  for (const [index, candidate] of candidates.entries()) {
    const { id, contextLength } = candidate.model;
    const usage = contextUsage(count(candidate.model), contextLength);
    if (usage.level !== 'exceeded') fitting.push(candidate);
    else if (index === 0 && !mayPassOver) throw contextLengthExceeded(id, usage);
    if (fitting.length === 2) break;
  }
  return fitting;
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => signal.throwIfAborted());
}
