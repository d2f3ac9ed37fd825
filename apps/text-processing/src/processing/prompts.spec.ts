import { TextTask } from '@tollgate/contracts';
import { buildPrompt } from './prompts.js';

const text = 'Sales rose by 10 %.';

describe('buildPrompt', () => {
  it('writes the documented summary prompt word for word', () => {
    expect(buildPrompt({ text, task: 'summary', summaryType: 'brief', userFeedback: 'Focus on money' })).toBe(
      `You are a summarization system.

RULES:
- Use ONLY the information present in the text
- Do NOT assume, infer, or add anything not stated
- Preserve factual accuracy

TASK:
Generate a brief summary that captures the core idea and key outcome.
Exclude minor or repetitive details.

ADDITIONAL USER INSTRUCTIONS:
Focus on money

TEXT:
${text}

OUTPUT:
Summary:`,
    );
  });

  it('writes the documented translation prompt word for word', () => {
    expect(
      buildPrompt({
        text,
        task: 'translate',
        summaryType: 'brief',
        targetLanguage: 'Spanish',
        userFeedback: 'Be formal',
      }),
    ).toBe(
      `You are a translation system.

RULES:
- Use ONLY the information present in the text
- Do NOT add, omit, or explain content
- Preserve meaning, tone, and factual accuracy

TASK:
Translate the text into Spanish.

ADDITIONAL USER INSTRUCTIONS:
Be formal

TEXT:
${text}

OUTPUT:
Translated Text:`,
    );
  });

  it.each(TextTask.options)(
    'orders the sections of %s as RULES, TASK, TEXT, OUTPUT and leaves out empty instructions',
    (task) => {
      const prompt = buildPrompt({ text, task, summaryType: 'brief', targetLanguage: 'Spanish' });
      const order = ['RULES:', 'TASK:', 'TEXT:', 'OUTPUT:'].map((title) => prompt.indexOf(title));
      expect(order.every((position) => position > 0)).toBe(true);
      expect([...order].sort((a, b) => a - b)).toEqual(order);
      expect(prompt).not.toContain('ADDITIONAL USER INSTRUCTIONS');
    },
  );

  it('asks for three different summaries', () => {
    const prompts = (['brief', 'detailed', 'bulletwise'] as const).map((summaryType) =>
      buildPrompt({ text, task: 'summary', summaryType }),
    );
    expect(new Set(prompts).size).toBe(3);
  });
});
