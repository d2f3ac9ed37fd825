import { contextLine, logLine } from './log-line.js';

const origin = { requestId: 'abc-123-uuid', userId: 'user123' };
const at = new Date('2024-01-15T10:30:00.999Z');

it('a line is the documented one, and no value begins a cell or a line of its own', () => {
  expect(logLine('INFO', origin, 'LLM_REQUEST', { model: 'gemma3:4b', task: 'summary' }, at)).toBe(
    '2024-01-15 10:30:00 | INFO     | abc-123-uuid | user123 | LLM_REQUEST | model=gemma3:4b | task=summary',
  );
  expect(logLine('INFO', origin, 'X', { task: 'a | b\nc' }, at).split(/[|\n]/)).toHaveLength(6);
});

it.each([
  [2_048, 'DEBUG', 'CONTEXT_USAGE', '25.0%'],
  [6_980, 'WARNING', 'CONTEXT_USAGE_HIGH', '85.2%'],
  [7_872, 'ERROR', 'CONTEXT_NEAR_LIMIT', '96.1%'],
  [8_626, 'CRITICAL', 'CONTEXT_EXCEEDED', '105.3%'],
])('%i of 8192 tokens is %s %s at %s', (tokens, level, event, usage) => {
  expect(contextLine(tokens, 8_192)).toEqual({ level, event, usage });
});
