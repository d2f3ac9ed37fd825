export { TollgateError, type ClientErrorCode, type ErrorCode } from './errors.js';
export { estimateTokens } from './estimate-tokens.js';
export type { CallOptions, HttpOptions } from './http.js';
export type * from './shapes.js';
export type { GenerateTextOptions, LoggedTextRequest } from './text.js';
export { createTollgate, type Tollgate, type TollgateOptions } from './tollgate.js';
