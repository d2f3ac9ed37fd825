// What `npm test` and `pnpm check` consist of. Runs on any Node >= 20 and imports nothing from npm: the stages are
// processes of the toolchain that bootstrap() made.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bootstrap } from './bootstrap.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const jestResultFile = join(root, '.tollgate', `jest-result-${process.pid}.json`);

/** Sources are type-checked by the build in bootstrap(), import cycles by the linter (files) and boundaries (projects). */
const checks = [
  { name: 'format', command: 'prettier', args: ['--check', '--log-level', 'warn', '.'] },
  { name: 'lint', command: 'oxlint', args: ['--deny-warnings'] },
  { name: 'boundaries', command: 'node', args: ['scripts/boundaries.mjs'] },
  { name: 'types of tests', command: 'tsc', args: ['-p', 'tsconfig.test.json'] },
];

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/**
 * Sets the checkout up, runs every check and then Jest with `jestArgs`, whatever failed before. The last line of the
 * output is `N passed, N failed`, counting Jest's tests and one for set-up and each check; sets the exit code.
 * @param {string[]} jestArgs
 */
export async function runStages(jestArgs) {
  /** @type {Counts} */
  const total = { passed: 0, failed: 0, skipped: 0 };
  /** @param {string} name @param {() => Promise<Counts>} run */
  const stage = async (name, run) => {
    const startedAt = performance.now();
    const counts = await run();
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    console.log(`${counts.failed === 0 ? '✓' : '✗'} ${name} (${seconds} s)`);
    for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) total[key] += counts[key];
  };

  /** @type {NodeJS.ProcessEnv | undefined} */
  let env;
  await stage('set-up and build', async () => {
    try {
      ({ env } = await bootstrap());
      return countOne(true);
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
      return countOne(false);
    }
  });
  if (env) {
    const toolEnv = env;
    for (const { name, command, args } of checks) {
      await stage(name, async () => countOne(await runCheck(command, args, toolEnv)));
    }
    await stage('tests', () => runJest(jestArgs, toolEnv));
  }
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}

/** Shows what the command says only when it fails. @param {string} command @param {string[]} args @param {NodeJS.ProcessEnv} env */
async function runCheck(command, args, env) {
  /** @type {Buffer[]} */
  const output = [];
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  const isGood = await succeeds(child);
  if (!isGood) process.stdout.write(Buffer.concat(output));
  return isGood;
}

/** @param {string[]} jestArgs @param {NodeJS.ProcessEnv} env @returns {Promise<Counts>} */
async function runJest(jestArgs, env) {
  // Jest loads ES modules, such as those of NestJS, through Node's VM modules, which say on every run that they are new.
  const nodeArgs = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const ownArgs = ['--passWithNoTests', '--json', `--outputFile=${jestResultFile}`];
  const args = [...nodeArgs, 'node_modules/jest/bin/jest.js', ...ownArgs, ...jestArgs];
  const isGood = await succeeds(spawn('node', args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] }));
  const counts = readJestResult();
  // Jest can fail without a failed test: a server that did not start, a suite that left something open.
  if (!isGood && counts.failed === 0) counts.failed = 1;
  return counts;
}

/** @returns {Counts} */
function readJestResult() {
  try {
    const result = JSON.parse(readFileSync(jestResultFile, 'utf8'));
    return {
      passed: result.numPassedTests,
      // A suite that cannot be loaded has no tests to count.
      failed: result.numFailedTests + result.numRuntimeErrorTestSuites,
      skipped: result.numPendingTests + result.numTodoTests,
    };
  } catch (error) {
    console.error(`Jest left no result: ${error instanceof Error ? error.message : String(error)}`);
    return countOne(false);
  } finally {
    rmSync(jestResultFile, { force: true });
  }
}

/** @param {import('node:child_process').ChildProcess} child @returns {Promise<boolean>} */
function succeeds(child) {
  return new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(error.message);
      resolve(false);
    });
    child.on('close', (code) => resolve(code === 0));
  });
}

/** @param {boolean} isGood @returns {Counts} */
function countOne(isGood) {
  return { passed: isGood ? 1 : 0, failed: isGood ? 0 : 1, skipped: 0 };
}
