import type { ModelChoice } from '@tollgate/contracts';
import { countPromptTokens, countTokens, tokenizerFamilyOf } from '@tollgate/llm';
import { buildEvidence, Redactor, type EvidencePack, type LogReport } from '@tollgate/logs';
import { Inject, Injectable } from '@nestjs/common';
import { headlineOf } from '../analysis/describe-findings.js';
import type { Question } from '../analysis/answer.js';
import { checkCitations } from './citations.js';
import { KnownNumbers } from './known-numbers.js';
import { absenceOf, LogModel } from './log-model.service.js';
import { metrics } from './metrics.js';
import { ModelNarrative } from './model-narrative.js';
import { computedNarrative, tokensOf, type Narrative } from './narrative.js';
import { narrativePrompt } from './narrative-prompt.js';
import { narrativeText } from './narrative-text.js';
import { checkNumbers } from './numbers.js';

export const EVIDENCE_TOKENS_MAX = Symbol('tokens of evidence at most');

/** Room for the answer when the caller sets none. */
const ANSWER_TOKENS = 1_024;
/** Of the context, for a count that is a few per cent off. */
const MARGIN_SHARE = 0.05;

/** Has a model tell what the core found, from evidence only, and checks what it cites. */
@Injectable()
export class Narration {
  constructor(
    private readonly model: LogModel,
    @Inject(EVIDENCE_TOKENS_MAX) private readonly evidenceTokensMax: number,
  ) {}

  /** `computed` is the answer when no model can be asked. */
  async tell(body: Question, report: LogReport, computed: string): Promise<Narrative> {
    try {
      return await this.ask(body, report);
    } catch (error) {
      const absence = absenceOf(error);
      if (!absence) throw error;
      return computedNarrative(computed, absence);
    }
  }

  /** Redacted for every model: while one is asked, the router may fall back from a local one to one in the cloud. */
  private async ask(body: Question, report: LogReport): Promise<Narrative> {
    const redactor = new Redactor();
    const wish = body.prompt ? redactor.redact(body.prompt) : undefined;
    const evidence = this.evidenceFor(await this.model.choose(body), body, report, redactor);
    const messages = narrativePrompt(body.task, evidence.text, wish);
    const question = { messages, task: `log-${body.task}`, schema: ModelNarrative };
    const { value, completion } = await this.model.ask(question, body);
    const known = new KnownNumbers(evidence.text, figuresOf(report), wish);
    const checked = checkNumbers(checkCitations(value, evidence.citable), known);
    count(checked);
    return {
      source: 'model',
      text: redactor.restore(narrativeText(checked, headlineOf(report))),
      tokens: tokensOf(completion),
      evidence: {
        tokens: evidence.tokens,
        covered_lines: evidence.coveredLines,
        citable_lines: evidence.citable.length,
        redacted: redactor.counts(),
      },
      citations: { valid: checked.valid, removed: checked.removed, claims_removed: checked.claimsRemoved },
      numbers: { valid: checked.numbers.valid, sentences_removed: checked.numbers.sentencesRemoved },
      completion,
    };
  }

  /** As much as fits beside the prompt and the answer. */
  private evidenceFor(choice: ModelChoice, body: Question, report: LogReport, redactor: Redactor): EvidencePack {
    const family = tokenizerFamilyOf(choice.tokenizer);
    const prompt = countPromptTokens(narrativePrompt(body.task, '', body.prompt ?? undefined), family);
    const answer = Math.min(body.max_tokens ?? ANSWER_TOKENS, choice.max_output_tokens ?? Infinity);
    const room = Math.floor(choice.context_length * (1 - MARGIN_SHARE)) - prompt - answer;
    return buildEvidence(report, {
      tokensMax: Math.max(0, Math.min(room, this.evidenceTokensMax)),
      countTokens: (text) => countTokens(text, family),
      redact: (text) => redactor.redact(text),
    });
  }
}

function figuresOf({ lines, events, span }: LogReport) {
  return { totals: [lines, events], spanMs: span && span.toMs - span.fromMs };
}

function count({ valid, removed, claimsRemoved, numbers }: ReturnType<typeof checkNumbers>): void {
  metrics.numbers.inc(numbers.valid);
  metrics.sentencesRemoved.inc(numbers.sentencesRemoved);
  metrics.citations.inc({ outcome: 'valid' }, valid);
  metrics.citations.inc({ outcome: 'removed' }, removed);
  metrics.claimsRemoved.inc(claimsRemoved);
}
