export { contextLengthExceeded, contextUsage, type ContextUsage } from './context-usage.js';
export { countPromptTokens, countTokens, tokenizerFamilyOf, type TokenizerFamily } from './token-count.js';
export { tokenizerFamilies } from './token-families.js';
