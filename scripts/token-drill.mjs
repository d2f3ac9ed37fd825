// `pnpm drill:tokens`: counts the corpus of libs/llm/test/corpus with the families' own tokenizers and writes tokens.json there.
// `pnpm drill:tokens <folder>…`: how far the estimates are off for the texts in each folder.
// `pnpm drill:tokens --fit <folder>`: the weights of libs/llm/src/token-families.ts, from the texts in the folder.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countTokens } from '../libs/llm/dist/index.js';
import { encode } from '../libs/llm/dist/encode.js';
import { countFeatures } from '../libs/llm/dist/text-features.js';
import { fitWeights } from './fit-weights.mjs';
import { openOracles } from './token-oracles.mjs';

const CHARACTERS_OF_PIECE = 1_500;
const PIECES_MAX = 6;
const CHARACTERS_MIN = 200;

const corpusDir = join(dirname(dirname(fileURLToPath(import.meta.url))), 'libs/llm/test/corpus');
const oracles = await openOracles();
const [first, ...rest] = process.argv.slice(2);
if (first === undefined) countCorpus();
else if (first === '--fit') fit(String(rest[0]));
else for (const folder of [first, ...rest]) judge(folder);

function countCorpus() {
  const tokens = Object.fromEntries(
    textsIn(corpusDir).map(({ file, text }) => [
      file,
      piecesOf(text).map((piece) => mapValues(oracles, (count) => count(piece))),
    ]),
  );
  const counted = { charactersOfPiece: CHARACTERS_OF_PIECE, tokens };
  writeFileSync(join(corpusDir, 'tokens.json'), `${JSON.stringify(counted, undefined, 2)}\n`);
}

/** @param {string} folder */
function judge(folder) {
  const pieces = textsIn(folder).flatMap(({ text }) => piecesOf(text));
  console.log(`${folder}: ${pieces.length} pieces`);
  for (const [family, count] of Object.entries(oracles)) {
    const errors = pieces
      .map((piece) => Math.abs(countTokens(piece, /** @type {any} */ (family)) / count(piece) - 1))
      .sort((a, b) => a - b);
    const at = (/** @type {number} */ share) =>
      `${(100 * (errors[Math.floor(errors.length * share)] ?? 0)).toFixed(1)} %`;
    console.log(`  ${family.padEnd(9)} p50 ${at(0.5)}  p90 ${at(0.9)}  p95 ${at(0.95)}  worst ${at(0.9999)}`);
  }
}

/** @param {string} folder */
function fit(folder) {
  const pieces = textsIn(folder).flatMap(({ text }) => piecesOf(text));
  const featured = pieces.map((piece) => {
    const o200k = encode(piece);
    return { o200k: o200k.length, features: countFeatures(piece, o200k) };
  });
  const columns = Object.values(oracles).map((count) => fitWeights(featured, pieces.map(count)));
  for (const name of Object.keys(columns[0] ?? {})) {
    console.log(`  ${name}: [${columns.map((weights) => Number(weights[name]?.toFixed(3))).join(', ')}],`);
  }
}

/** @param {string} folder */
function textsIn(folder) {
  const files = readdirSync(folder).filter((each) => each.endsWith('.txt'));
  return files.map((file) => ({ file, text: readFileSync(join(folder, file), 'utf8') }));
}

/** @param {string} text */
function piecesOf(text) {
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
