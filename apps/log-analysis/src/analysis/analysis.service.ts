import type { AnalysisResponse, Completion } from '@tollgate/contracts';
import { analyzeLog, runQuery, type LogReport } from '@tollgate/logs';
import type { MessageContext } from '@tollgate/messaging';
import { Injectable } from '@nestjs/common';
import { Narration } from '../narrative/narration.service.js';
import { metrics } from '../narrative/metrics.js';
import { Questions } from '../query/questions.service.js';
import { LogReader } from '../reading/log-reader.service.js';
import { LogStore } from '../uploads/log-store.service.js';
import type { AnalysisBody, Answer, Question, ReadableLog } from './answer.js';
import { confidenceFactors, confidenceScore } from './confidence.js';
import { describeFindings } from './describe-findings.js';
import { findingsFor } from './findings.js';
import { logTextOf } from './log-text.js';

/** The six questions to a log: the core reads all of it and finds, a model only tells. */
@Injectable()
export class Analysis {
  constructor(
    private readonly logs: LogStore,
    private readonly reader: LogReader,
    private readonly narration: Narration,
    private readonly questions: Questions,
  ) {}

  /** An upload is forgotten when it has been read. */
  async analyze(body: AnalysisBody, { requestId, caller, signal }: MessageContext): Promise<AnalysisResponse> {
    const { log_id: id } = body;
    if (!id) return this.tell(body, textLog(logTextOf(body)), requestId);
    await this.logs.sizes(caller.account_id, id);
    try {
      return await this.tell(body, this.uploadedLog(id, signal), requestId);
    } finally {
      await this.logs.discard(caller.account_id, id).catch(() => undefined); // It expires.
    }
  }

  async tell(body: Question, log: ReadableLog, requestId: string): Promise<AnalysisResponse> {
    const startedAt = performance.now();
    const report = await log.report();
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
        unreadable_lines: report.unreadableLines,
        cut_lines: report.cutLines,
        evidence: narrative.evidence ?? null,
        citations: narrative.citations,
        numbers: narrative.numbers,
        confidence: factors,
        provider: narrative.completion?.provider ?? null,
        finish_reason: narrative.completion?.finish_reason ?? null,
        usage: narrative.completion?.usage ?? null,
        cache_hit: isCacheHit(narrative.completion),
      },
      structured_data: body.structured_output ? structuredData : null,
    };
  }

  private uploadedLog(id: string, signal: AbortSignal): ReadableLog {
    const referenceMs = Date.now();
    return {
      report: () => this.reader.read({ kind: 'report', referenceMs }, this.logs.read(id), signal),
      count: (plan) => this.reader.read({ kind: 'count', plan, referenceMs }, this.logs.read(id), signal),
    };
  }

  /** A question is counted where it can be; everything else is told. */
  private async answer(
    body: Question,
    log: ReadableLog,
    report: LogReport,
  ): Promise<{ answer: Answer; tokens: number }> {
    const asked = body.task === 'query' ? await this.questions.answer(body, log, report) : { tokens: 0 };
    if (asked.answer) return { answer: asked.answer, tokens: asked.tokens };
    const narrative = await this.narration.tell(body, report, describeFindings(body.task, report));
    const structuredData = findingsFor(body.task, report);
    return { answer: { narrative, structuredData, isCounted: false }, tokens: asked.tokens + narrative.tokens };
  }
}

/** One that came in a body is small, and read at once. */
function textLog(text: string): ReadableLog {
  return { report: () => analyzeLog([text]), count: (plan) => runQuery([text], plan) };
}

function isCacheHit(completion: Completion | undefined): boolean {
  const outcome = completion?.cache?.outcome;
  return outcome === 'hit' || outcome === 'shared';
}
