// `pnpm drill:tokens`: counts the corpus of libs/llm/test/corpus with the families' own tokenizers and writes tokens.json there.
// Their vocabularies (560 MB) come from npm into .tollgate/token-oracles, and are no dependency of anything.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const VERSION = '3.7.2';
const CHARACTERS_OF_PIECE = 1_500;
const PIECES_MAX = 6;
const CHARACTERS_MIN = 200;
const packages = { llama3: 'llama3', qwen2_5: 'qwen2_5', deepseek: 'deepseek_v3', gemma: 'gemma3' };

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const oraclesDir = join(root, '.tollgate/token-oracles');
const corpusDir = join(root, 'libs/llm/test/corpus');

if (!existsSync(join(oraclesDir, 'node_modules'))) {
  mkdirSync(oraclesDir, { recursive: true });
  const dependencies = Object.fromEntries(Object.values(packages).map((name) => [`@lenml/tokenizer-${name}`, VERSION]));
  writeFileSync(join(oraclesDir, 'package.json'), JSON.stringify({ private: true, dependencies }));
  const flags = ['--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['install', ...flags], { cwd: oraclesDir, stdio: 'inherit' });
}

/** @type {Record<string, Record<string, number>[]>} */
const tokens = {};
const require = createRequire(join(oraclesDir, 'package.json'));
for (const [family, name] of Object.entries(packages)) {
  const { fromPreTrained } = await import(pathToFileURL(require.resolve(`@lenml/tokenizer-${name}`)).href);
  const tokenizer = fromPreTrained();
  for (const file of readdirSync(corpusDir).filter((each) => each.endsWith('.txt'))) {
    tokens[file] ??= [];
    for (const [index, piece] of piecesOf(readFileSync(join(corpusDir, file), 'utf8')).entries()) {
      const counts = (tokens[file][index] ??= {});
      counts[family] = tokenizer.encode(piece, { add_special_tokens: false }).length;
    }
  }
  console.log(`counted with ${name}`);
}
writeFileSync(
  join(corpusDir, 'tokens.json'),
  `${JSON.stringify({ charactersOfPiece: CHARACTERS_OF_PIECE, tokens }, undefined, 1)}\n`,
);

/** @param {string} text */
function piecesOf(text) {
  const starts = Array.from({ length: PIECES_MAX }, (_, index) => index * CHARACTERS_OF_PIECE);
  return starts
    .map((start) => text.slice(start, start + CHARACTERS_OF_PIECE))
    .filter((piece) => piece.length > CHARACTERS_MIN || piece === text);
}
