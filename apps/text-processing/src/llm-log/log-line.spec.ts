import { formatLine } from './log-line.js';

const entry = { at: new Date('2024-01-15T10:30:00.999Z'), requestId: 'abc-123-uuid', userId: 'user123' };

describe('formatLine', () => {
  it('writes the documented lines', () => {
    expect(
      formatLine({
        ...entry,
        level: 'INFO',
        event: 'LLM_REQUEST',
        fields: { model: 'gemma3:4b', task: 'summary' },
      }),
    ).toBe('2024-01-15 10:30:00 | INFO     | abc-123-uuid | user123 | LLM_REQUEST | model=gemma3:4b | task=summary\n');
    expect(formatLine({ ...entry, level: 'CRITICAL', event: 'CONTEXT_EXCEEDED', fields: {} })).toBe(
      '2024-01-15 10:30:00 | CRITICAL | abc-123-uuid | user123 | CONTEXT_EXCEEDED\n',
    );
  });

  it('lets no value begin a line or a cell of its own', () => {
    const line = formatLine({ ...entry, level: 'INFO', event: 'X', fields: { model: 'a\n2024 | ERROR |\u2028b' } });
    expect(line.split('\n')).toHaveLength(2);
    expect(line.split('|')).toHaveLength(6);
  });
});
