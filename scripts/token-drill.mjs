// `pnpm drill:tokens`: counts the corpus of libs/llm/test/corpus with the families' own tokenizers and writes tokens.json there.
// `pnpm drill:tokens <folder>…`: how far the estimates are off for the texts in each folder.
// `pnpm drill:tokens --fit <folder>`: makes libs/llm/token-table.br from the families' tokenizers, and with it the weights of
// libs/llm/src/token-weights.ts from the texts (*.txt) in the folder. Takes about three minutes for ten million characters.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encode } from '../libs/llm/dist/encode.js';
import { countTokens } from '../libs/llm/dist/index.js';
import { tokenKinds } from '../libs/llm/dist/token-kinds.js';
import { countParts, partForms } from '../libs/llm/dist/token-parts.js';
import { fitWeights } from './fit-weights.mjs';
import { openOracles } from './token-oracles.mjs';
import { makeTokenTable } from './token-table.mjs';

const CHARACTERS_OF_PIECE = 1_500;
const PIECES_MAX = 6;
const CHARACTERS_MIN = 200;
/** Every line of it is a piece. */
const PROMPTS = 'prompts.txt';

const library = join(dirname(dirname(fileURLToPath(import.meta.url))), 'libs/llm');
const corpusDir = join(library, 'test/corpus');
const oracles = await openOracles();
const [first, ...rest] = process.argv.slice(2);
if (first === undefined) countCorpus();
else if (first === '--fit') fit(String(rest[0]));
else for (const folder of [first, ...rest]) judge(folder);

function countCorpus() {
  const tokens = Object.fromEntries(
    textsIn(corpusDir).map((text) => [
      text.file,
      piecesOf(text).map((piece) => mapValues(oracles, ({ count }) => count(piece))),
    ]),
  );
  const counted = { charactersOfPiece: CHARACTERS_OF_PIECE, tokens };
  writeFileSync(join(corpusDir, 'tokens.json'), `${JSON.stringify(counted, undefined, 2)}\n`);
}

/** An estimate that is off by one token counts as right. @param {string} folder */
function judge(folder) {
  const pieces = textsIn(folder).flatMap(piecesOf);
  console.log(`${folder}: ${pieces.length} pieces`);
  for (const [family, { count }] of Object.entries(oracles)) {
    const errors = pieces
      .map((piece) => {
        const counted = count(piece);
        const off = Math.abs(countTokens(piece, /** @type {any} */ (family)) - counted);
        return off <= 1 ? 0 : off / counted;
      })
      .sort((a, b) => a - b);
    const at = (/** @type {number} */ share) =>
      `${(100 * (errors[Math.floor(errors.length * share)] ?? 0)).toFixed(1)} %`;
    console.log(`  ${family.padEnd(9)} p50 ${at(0.5)}  p90 ${at(0.9)}  p95 ${at(0.95)}  worst ${at(0.9999)}`);
  }
}

/** @param {string} folder */
function fit(folder) {
  writeFileSync(join(library, 'token-table.br'), makeTokenTable(Object.values(oracles)));
  const pieces = textsIn(folder).flatMap(piecesOf);
  const tokens = pieces.map((piece) => encode(piece));
  const families = Object.values(oracles).map(({ count }, family) =>
    fitWeights(
      tokens.map((o200k) => countParts(o200k, family)),
      pieces.map(count),
    ),
  );
  const rows = tokenKinds.map((kind, index) => {
    const start = index * partForms.length;
    const weights = families.flatMap((family) => family.slice(start, start + partForms.length));
    return `  ${kind}: [${weights.map((weight) => Number(weight.toFixed(3))).join(', ')}],`;
  });
  const file = join(library, 'src/token-weights.ts');
  const source = readFileSync(file, 'utf8');
  writeFileSync(file, source.replace(/(?<== \{\n)[^]*(?=\n\};)/, rows.join('\n')));
}

/** @param {string} folder */
function textsIn(folder) {
  const files = readdirSync(folder, { encoding: 'utf8', recursive: true }).filter((each) => each.endsWith('.txt'));
  return files.map((file) => ({ file, text: readFileSync(join(folder, file), 'utf8') }));
}

/** @param {{ file: string, text: string }} text */
function piecesOf({ file, text }) {
  if (file === PROMPTS) return text.trim().split('\n');
  const starts = Array.from({ length: PIECES_MAX }, (_, index) => index * CHARACTERS_OF_PIECE);
  return starts
    .map((start) => text.slice(start, start + CHARACTERS_OF_PIECE))
    .filter((piece) => piece.length > CHARACTERS_MIN || piece === text);
}

/**
 * @template T, U
 * @param {Record<string, T>} members
 * @param {(value: T) => U} map
 */
function mapValues(members, map) {
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [name, map(value)]));
}
