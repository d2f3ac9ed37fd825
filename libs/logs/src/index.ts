export type { LogEvent } from './log-event.js';
export { LogParser, parseLog, type LogParserOptions, type ParseTotals } from './log-parser.js';
export type { LogFormat } from './line-formats.js';
export { levelOf, logLevels, type LogLevel } from './log-level.js';
export type { NumberSummary, Parameter, ParameterKind, Template } from './template.js';
export { TemplateMiner, type MinedTemplates, type MinerSnapshot } from './template-miner.js';
