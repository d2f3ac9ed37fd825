import type { AnalysisRequest, AnalysisType, LogTask } from '@tollgate/contracts';

const tasks: Record<AnalysisType, LogTask> = {
  general: 'analyze',
  error_detection: 'detect-errors',
  root_cause: 'root-cause',
  anomaly_detection: 'detect-anomalies',
  query: 'query',
  summarization: 'summarize',
};

/** What a body asks for at the route that serves every type of analysis. */
export function taskOf({ analysis_type: type }: Pick<AnalysisRequest, 'analysis_type'>): LogTask {
  return tasks[type ?? 'general'];
}
