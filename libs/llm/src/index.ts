export { contextLengthExceeded, contextUsage, type ContextUsage } from './context-usage.js';
export {
  countPromptTokens,
  countTokens,
  tokenizerFamilies,
  tokenizerFamilyOf,
  type TokenizerFamily,
} from './token-count.js';
