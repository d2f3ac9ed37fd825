import type { Completion } from '@tollgate/contracts';
import { PartCollector, partsOf } from './completion-parts.js';

const completion: Completion = {
  content: '😀'.repeat(300),
  reasoning: 'hm',
  tool_calls: [
    { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } },
    { id: 'b', type: 'function', function: { name: 'g', arguments: '{"x":1}' } },
  ],
  model: 'm',
  provider: 'p',
  finish_reason: 'stop',
  usage: { input_tokens: 1, cached_tokens: 0, output_tokens: 1, source: 'provider' },
  attempts: 1,
  metadata: { model_used: 'm', reason: 'tier_local', failed_attempts: [] },
};

it('a whole answer survives its way through the parts of a stream, no character cut in two', () => {
  const collector = new PartCollector();
  const parts = [...partsOf(completion)];
  const wholes = parts.map((part) => collector.add(part));
  expect(wholes.at(-1)).toEqual(completion);
  expect(wholes.slice(0, -1).every((whole) => whole === undefined)).toBe(true);
  const texts = parts.flatMap((part) => (part.type === 'delta' ? [part.text] : []));
  expect(texts.length).toBeGreaterThan(1);
  expect(texts.every((text) => Buffer.from(text).toString() === text)).toBe(true);
});

it('what came before a second start is forgotten', () => {
  const collector = new PartCollector();
  collector.add({ type: 'start', model: 'm', provider: 'p' });
  collector.add({ type: 'delta', text: 'thrown away' });
  const wholes = [...partsOf(completion)].map((part) => collector.add(part));
  expect(wholes.at(-1)?.content).toBe(completion.content);
});
