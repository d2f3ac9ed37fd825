import type { AnalysisResponse, Completion } from '@tollgate/contracts';
import { analyzeLog, type LogReport } from '@tollgate/logs';
import { Injectable } from '@nestjs/common';
import { Narration } from '../narrative/narration.service.js';
import { metrics } from '../narrative/metrics.js';
import { Questions } from '../query/questions.service.js';
import type { AnalysisBody, Answer } from './answer.js';
import { confidenceFactors, confidenceScore } from './confidence.js';
import { describeFindings } from './describe-findings.js';
import { findingsFor } from './findings.js';
import { logTextOf } from './log-text.js';

/** The six questions to a log: the core reads all of it and finds, a model only tells. */
@Injectable()
export class Analysis {
  constructor(
    private readonly narration: Narration,
    private readonly questions: Questions,
  ) {}

  async analyze(body: AnalysisBody, requestId: string): Promise<AnalysisResponse> {
    const startedAt = performance.now();
    const log = logTextOf(body);
    const report = await analyzeLog([log]);
    const { answer, tokens } = await this.answer(body, log, report);
    const { narrative, structuredData } = answer;
    const factors = confidenceFactors(body.task, report, answer);
    metrics.analyses.inc({ task: body.task, narrative: narrative.source });
    return {
      analysis: narrative.text,
      model_used: narrative.completion?.model ?? 'none',
      tokens_used: tokens,
      latency_ms: Math.round(performance.now() - startedAt),
      confidence_score: confidenceScore(factors),
      metadata: {
        request_id: requestId,
        task: body.task,
        narrative: narrative.source,
        narrative_error: narrative.errorCode ?? null,
        lines: report.lines,
        events: report.events,
        evidence: narrative.evidence ?? null,
        citations: narrative.citations,
        confidence: factors,
        provider: narrative.completion?.provider ?? null,
        finish_reason: narrative.completion?.finish_reason ?? null,
        usage: narrative.completion?.usage ?? null,
        cache_hit: isCacheHit(narrative.completion),
      },
      structured_data: body.structured_output ? structuredData : null,
    };
  }

  /** A question is counted where it can be; everything else is told. */
  private async answer(
    body: AnalysisBody,
    log: string,
    report: LogReport,
  ): Promise<{ answer: Answer; tokens: number }> {
    const asked = body.task === 'query' ? await this.questions.answer(body, log, report) : { tokens: 0 };
    if (asked.answer) return { answer: asked.answer, tokens: asked.tokens };
    const narrative = await this.narration.tell(body, report, describeFindings(body.task, report));
    const structuredData = findingsFor(body.task, report);
    return { answer: { narrative, structuredData, isCounted: false }, tokens: asked.tokens + narrative.tokens };
  }
}

function isCacheHit(completion: Completion | undefined): boolean {
  const outcome = completion?.cache?.outcome;
  return outcome === 'hit' || outcome === 'shared';
}
