import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { countTokens, type TokenizerFamily } from '../src/index.js';

const corpus = 'libs/llm/test/corpus';
/** What the families' own tokenizers count, piece by piece; scripts/token-oracles.mjs writes it. */
const Counted = z.object({
  charactersOfPiece: z.number(),
  tokens: z.record(z.string(), z.array(z.record(z.enum(['llama3', 'qwen2_5', 'deepseek', 'gemma']), z.number()))),
});
const { charactersOfPiece, tokens } = Counted.parse(JSON.parse(readFileSync(join(corpus, 'tokens.json'), 'utf8')));
const PERCENTILE = 0.95;
const ERROR_MAX = 0.06;

const families: Exclude<TokenizerFamily, 'o200k'>[] = ['llama3', 'qwen2_5', 'deepseek', 'gemma'];

it.each(families)('19 of 20 estimates for %s are within 6 %% of its own tokenizer', (family) => {
  const errors = Object.entries(tokens).flatMap(([file, pieces]) => {
    const text = readFileSync(join(corpus, file), 'utf8');
    return pieces.map(({ [family]: counted }, index) => {
      const piece = text.slice(index * charactersOfPiece, (index + 1) * charactersOfPiece);
      return Math.abs(countTokens(piece, family) / counted - 1);
    });
  });
  expect(errors.length).toBeGreaterThan(30);
  expect(errors.toSorted((a, b) => a - b)[Math.floor(errors.length * PERCENTILE)]).toBeLessThan(ERROR_MAX);
});

it('every text of the corpus was counted', () => {
  const texts = readdirSync(corpus).filter((name) => name.endsWith('.txt'));
  expect(Object.keys(tokens).sort()).toEqual(texts.sort());
});
