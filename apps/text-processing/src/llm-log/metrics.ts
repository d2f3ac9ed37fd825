import { Counter } from 'prom-client';

export const logLinesLost = new Counter({
  name: 'tollgate_llm_log_lines_lost_total',
  help: 'Lines that could not be written to a log file: the disk is full or too slow',
  labelNames: ['file'],
});
