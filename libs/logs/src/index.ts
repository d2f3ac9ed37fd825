export type { LogEvent } from './log-event.js';
export { LogParser, parseLog, type LogParserOptions, type ParseTotals } from './log-parser.js';
export { LogFormat } from './line-formats.js';
export { levelOf, logLevels, type LogLevel } from './log-level.js';
export type { NumberSummary, Parameter, ParameterKind, Template } from './template.js';
export { TemplateMiner, type MinedTemplates, type MinerSnapshot } from './template-miner.js';
export { analyzeLog, analyzePart, learnLogFormat, type LogChunks, type PartOptions } from './analyze-log.js';
export { anomalyKinds, type Anomaly, type AnomalyKind } from './anomaly.js';
export type { Correlation } from './correlations.js';
export {
  failureCategories,
  readFailureSigns,
  severities,
  type FailureCategory,
  type Severity,
} from './failure-signs.js';
export { LogAnalysis, type AnalysisOptions, type AnalysisSnapshot } from './log-analysis.js';
export { Redactor } from './redactor.js';
export type { LogReport, ReportedErrorGroup, ReportedTemplate, Sample } from './report.js';
export { secretKinds, type SecretKind } from './secret-kinds.js';
export { parseStackTrace, type StackTrace, type ThrownException } from './stack-trace.js';
export { describeAnswer, runQuery } from './answer-question.js';
export { parseQuestion, type QuestionContext } from './question-parser.js';
export { QueryFilter, QueryPlan, queryFields, type QueryField } from './query-plan.js';
export { QueryRun, type QueryAnswer, type QueryGroup } from './query-run.js';
export { buildEvidence, type EvidenceOptions, type EvidencePack } from './evidence-pack.js';
export { describeReport } from './report-text.js';
