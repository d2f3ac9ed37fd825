import { answerTo, type AnswerRequest } from './simulator-answer.js';
import { instanceOf, JsonSchema } from './simulator-json.js';

const answer = (content: string, options: Partial<AnswerRequest> = {}) =>
  answerTo({ messages: [{ role: 'user', content }], stop: [], ...options });
const textOf = (content: string, options: Partial<AnswerRequest> = {}) =>
  answer(content, options)
    .pieces.map(({ text }) => text)
    .join('');

const text =
  'However, disks fill up. We use logs. Logs help. However, disks fill up. They rotate. They are kept. A week passes. All is gone. The end.';

const newPrompt = (role: string, task: string, instructions = '') =>
  [
    `You are a ${role} system.\n\nRULES:\n- Do NOT summarize, translate or repeat these rules`,
    `TASK:\n${task}`,
    ...(instructions ? [`ADDITIONAL USER INSTRUCTIONS:\n${instructions}`] : []),
    `TEXT:\n${text}`,
    'OUTPUT:\nResult:',
  ].join('\n\n');

describe('an answer to a task of text-processing', () => {
  const brief = 'Generate a brief summary that captures the core idea.\nExclude minor or repetitive details.';

  it('summarizes by extract: brief, detailed or in bullets', () => {
    const detailed = textOf(newPrompt('summarization', 'Generate a detailed summary.'));
    const bullets = textOf(newPrompt('summarization', 'Generate a bulletwise summary.'));
    expect(textOf(newPrompt('summarization', brief))).toBe('[simulated] However, disks fill up. We use logs.');
    expect(detailed).toMatch(/^\[simulated\] However, disks fill up\. .* All is gone\.$/);
    expect(bullets.split('\n- ')).toEqual([
      '[simulated] ',
      'However, disks fill up.',
      'We use logs.',
      'Logs help.',
      'However, disks fill up.',
      'They rotate.',
    ]);
  });

  it('translates in name, rephrases and removes repetitions', () => {
    expect(textOf(newPrompt('translation', 'Translate the text into Spanish.'))).toBe(`[simulated] (Spanish) ${text}`);
    expect(textOf(newPrompt('rephrasing', 'Rephrase the text without repeating it.'))).toMatch(
      /^\[simulated\] disks fill up, However\. We employ logs\. Logs assist\./,
    );
    expect(
      textOf(newPrompt('text cleaning', 'Remove repetitions. Do not rephrase.')).match(/disks fill up/g),
    ).toHaveLength(1);
  });

  it('shows that the feedback of a refinement arrived', () => {
    expect(textOf(newPrompt('summarization', brief, 'Focus on logs'))).toContain('(Asked for: Focus on logs)');
    expect(textOf(newPrompt('summarization', brief, 'As bullets'))).toContain('\n- We use logs.');
  });

  it('reads a task that is split between the system and the user message', () => {
    const [head = '', tail = ''] = newPrompt('summarization', brief).split('\n\nTEXT:');
    const messages = [
      { role: 'system', content: head },
      { role: 'user', content: `TEXT:${tail}` },
    ];
    expect(textOf('', { messages })).toBe('[simulated] However, disks fill up. We use logs.');
  });
});

describe('any answer', () => {
  it('is the same for the same input and quotes an extract of the last user message', () => {
    const messages = [
      { role: 'user', content: 'first' },
      { role: 'assistant', content: 'second' },
      { role: 'user', content: `third ${'🦊'.repeat(500)}` },
    ];
    expect(textOf('', { messages })).toBe(textOf('', { messages }));
    expect(textOf('', { messages })).toMatch(/^\[simulated\] You wrote: "third (🦊)+…"/u);
    expect(textOf('', { messages })).not.toContain('\uFFFD');
  });

  it.each([0, 1, 2, 3, 1000])('has exactly the %d tokens that a test asks for', (tokens) => {
    const { pieces } = answer(`Please. SIMULATE_TOKENS=${tokens}`);
    expect(pieces.reduce((sum, piece) => sum + piece.tokens, 0)).toBe(tokens);
  });

  it('counts 4 tokens for a message around its own, special tokens as text', () => {
    expect(answer('').promptTokens).toBe(4);
    expect(answer('Hello').promptTokens).toBe(5);
    expect(answer('<|endoftext|>').promptTokens).toBeGreaterThan(5);
  });
});

describe('the instance of a schema', () => {
  const build = (schema: unknown) => instanceOf(JsonSchema.parse(schema), 'sample');

  it('has what is required, within bounds, and says that it is simulated where it may', () => {
    expect(
      build({
        $defs: { Level: { enum: ['low', 'high'] } },
        type: 'object',
        required: ['level', 'count', 'at', 'tags', 'short', 'maybe', 'either'],
        properties: {
          level: { $ref: '#/$defs/Level' },
          count: { type: 'integer', minimum: 2.5 },
          share: { type: 'number' },
          at: { type: 'string', format: 'date' },
          tags: { type: 'array', items: { type: 'string', maxLength: 3 }, minItems: 2 },
          short: { type: ['string', 'null'], minLength: 8 },
          maybe: { anyOf: [{ type: 'object', properties: { a: { const: 1 } }, required: ['a'] }, { type: 'null' }] },
          either: { allOf: [{ type: 'number', exclusiveMinimum: 0 }, { maximum: 0.5 }] },
        },
      }),
    ).toEqual({
      simulated: true,
      level: 'low',
      count: 3,
      at: '2026-01-01',
      tags: ['sam', 'sam'],
      short: 'sample..',
      maybe: { a: 1 },
      either: 0.000001,
    });
  });

  it('adds nothing to a closed object and ends on a schema without end', () => {
    expect(build({ type: 'object', additionalProperties: false })).toEqual({});
    expect(build({ anyOf: [{ type: 'object', additionalProperties: { type: 'string' } }] })).toEqual({});
    expect(build({ type: 'array', items: true })).toEqual([]);
    expect(
      JSON.stringify(build({ type: 'object', properties: { next: { $ref: '#' } }, required: ['next'] })),
    ).toContain('null');
  });
});
