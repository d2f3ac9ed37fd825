export type { LogEvent } from './log-event.js';
export { levelOf, logLevels, type LogLevel } from './log-level.js';
export type { NumberSummary, Parameter, ParameterKind, Template } from './template.js';
