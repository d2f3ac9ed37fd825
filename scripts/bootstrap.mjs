// Makes a checkout runnable: Node 24, pnpm, dependencies, generated code, compiled code. Every step is skipped when its
// result is there, so a second run takes about a second. Runs on any Node >= 20 and imports nothing from npm.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The newest Node 24 that npm has for each platform; others, such as a Mac with Apple silicon, need a Node 24 of their own. */
const NODE_VERSIONS = { 'linux-x64': '24.21.0', 'linux-arm64': '24.21.0', 'darwin-x64': '24.18.1' };
const PNPM_VERSION = '12.21.0';
const LOCK_HEARTBEAT_MS = 2_000;
const LOCK_STALE_MS = 30_000;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stateDir = join(root, '.tollgate');
const toolchainDir = join(stateDir, 'toolchain');
const stampFile = join(root, 'node_modules', '.tollgate-stamp');
const platform = `${process.platform}-${process.arch}`;
const nodePackage = `node-${platform}`;
/** @type {string | undefined} */
const NODE_VERSION = Object.entries(NODE_VERSIONS).find(([name]) => name === platform)?.[1];

/**
 * Sets the checkout up. Every failure is an Error whose message is one line for a person; the output of the command
 * that failed has been shown by then. Safe after an interrupted run and when two run at once.
 * @returns {Promise<{ node: string, pnpm: string, env: NodeJS.ProcessEnv }>} paths of the two programs, and the
 *   environment under which `node`, `pnpm` and the binaries of the dependencies are on the PATH
 */
export async function bootstrap() {
  const release = await takeLock();
  try {
    await installToolchain();
    const node = isSupported(process.versions.node) ? process.execPath : toolchainNode();
    const pnpm = join(toolchainDir, 'node_modules', '.bin', 'pnpm');
    const binaries = [dirname(node), dirname(pnpm), join(root, 'node_modules', '.bin')];
    const env = {
      ...process.env,
      PATH: [...binaries, process.env['PATH']].join(delimiter),
      // Every process of the product and of its tests starts a fifth faster with the compiled code of the last one.
      NODE_COMPILE_CACHE: join(stateDir, 'compile-cache'),
    };
    await installDependencies(pnpm, env);
    await run(
      node,
      ['scripts/generate.mjs'],
      env,
      'The database client could not be generated (scripts/generate.mjs).',
    );
    await run(join(root, 'node_modules', '.bin', 'tsc'), ['-b'], env, 'The TypeScript build failed.');
    return { node, pnpm, env };
  } finally {
    release();
  }
}

/** Node 24.9 is the first whose Jest can load the ESM-only packages of NestJS.
 * @param {string} version */
function isSupported(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major === 24 && minor >= 9;
}

function toolchainNode() {
  return join(toolchainDir, 'node_modules', nodePackage, 'bin', 'node');
}

async function installToolchain() {
  const needsNode = !isSupported(process.versions.node);
  if (needsNode && !NODE_VERSION) {
    throw new Error(
      `npm has no Node 24 for ${platform}. Install Node 24 (24.9 or newer) yourself, and start again with it.`,
    );
  }
  const missing = [];
  if (needsNode && installedVersion(nodePackage) !== NODE_VERSION) missing.push(`Node ${NODE_VERSION}`);
  if (installedVersion('pnpm') !== PNPM_VERSION) missing.push(`pnpm ${PNPM_VERSION}`);
  if (missing.length > 0) {
    progress(`Fetching ${missing.join(' and ')} from npm into .tollgate/toolchain`);
    // A Node that is there stays: npm removes what the package.json does not name.
    const wantsNode = needsNode || (NODE_VERSION && installedVersion(nodePackage) === NODE_VERSION);
    const dependencies = { pnpm: PNPM_VERSION, ...(wantsNode && { [nodePackage]: NODE_VERSION }) };
    mkdirSync(toolchainDir, { recursive: true });
    writeFileSync(join(toolchainDir, 'package.json'), JSON.stringify({ private: true, dependencies }, undefined, 2));
    const flags = ['--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error'];
    const problem = needsNode
      ? `npm could not fetch ${missing.join(' and ')} for ${process.platform} ${process.arch}. Check the connection, or install Node 24 (24.9 or newer) yourself.`
      : `npm could not fetch ${missing.join(' and ')}. Check the connection and try again.`;
    await run('npm', ['install', '--prefix', toolchainDir, ...flags], process.env, problem);
  }
  if (needsNode) {
    const problem = `The Node ${NODE_VERSION} from npm does not run on this machine. Install Node 24 (24.9 or newer) yourself.`;
    await run(toolchainNode(), ['--eval', ''], process.env, problem);
  }
}

/** @param {string} name */
function installedVersion(name) {
  const manifest = join(toolchainDir, 'node_modules', name, 'package.json');
  if (!existsSync(manifest)) return undefined;
  // npm was interrupted in the middle of the file: as good as not there.
  try {
    return JSON.parse(readFileSync(manifest, 'utf8')).version;
  } catch {
    return undefined;
  }
}

/** @param {string} pnpm @param {NodeJS.ProcessEnv} env */
async function installDependencies(pnpm, env) {
  const manifests = listManifests();
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${PNPM_VERSION}\n`);
  for (const file of manifests) hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  const stamp = hash.digest('hex');
  const isComplete = manifests
    .filter(hasDependencies)
    .every((file) => existsSync(join(root, dirname(file), 'node_modules')));
  if (isComplete && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;

  progress('Installing dependencies');
  rmSync(stampFile, { force: true });
  // CI=true: pnpm asks no questions, such as whether it may replace a node_modules of another layout.
  const flags = ['--frozen-lockfile', '--reporter=append-only', '--loglevel=error'];
  await run(pnpm, ['install', ...flags], { ...env, CI: 'true' }, 'pnpm could not install the dependencies.');
  writeFileSync(stampFile, stamp);
}

/** The files that decide what is installed, relative to the root. */
function listManifests() {
  const folders = ['apps', 'libs', 'deploy'].flatMap((parent) =>
    existsSync(join(root, parent)) ? readdirSync(join(root, parent)).map((name) => join(parent, name)) : [],
  );
  const packages = ['', 'e2e', 'bench', ...folders.sort()].map((folder) => join(folder, 'package.json'));
  return ['pnpm-lock.yaml', 'pnpm-workspace.yaml', ...packages].filter((file) => existsSync(join(root, file)));
}

/** @param {string} file */
function hasDependencies(file) {
  if (!file.endsWith('package.json')) return false;
  const { dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(join(root, file), 'utf8'));
  return Object.keys({ ...dependencies, ...devDependencies }).length > 0;
}

/**
 * Runs a command in the root with its output shown.
 * @param {string} command @param {string[]} args @param {NodeJS.ProcessEnv} env
 * @param {string} problem the message of the Error when the command fails
 */
function run(command, args, env, problem) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', (cause) => reject(new Error(problem, { cause })));
    child.on('exit', (code) => (code === 0 ? resolve(undefined) : reject(new Error(problem))));
  });
}

/**
 * One bootstrap at a time in a checkout. The holder touches the lock file while it works, so that one left by a killed
 * run is recognised even when its process id was given to another process.
 * @returns {Promise<() => void>} releases the lock
 */
async function takeLock() {
  const lockFile = join(stateDir, 'bootstrap.lock');
  mkdirSync(stateDir, { recursive: true });
  for (let hasSaid = false; ; hasSaid = true) {
    try {
      writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    const holder = lockHolder(lockFile);
    if (holder === undefined) {
      rmSync(lockFile, { force: true });
      continue;
    }
    if (!hasSaid) progress(`Waiting for another set-up in this folder (process ${holder})`);
    await sleep(300);
  }
  const heartbeat = setInterval(
    () => existsSync(lockFile) && utimesSync(lockFile, new Date(), new Date()),
    LOCK_HEARTBEAT_MS,
  );
  const release = () => {
    clearInterval(heartbeat);
    process.off('exit', release);
    rmSync(lockFile, { force: true });
  };
  process.on('exit', release);
  return release;
}

/** The process that holds the lock, or undefined when it is free or was left behind.
 * @param {string} lockFile */
function lockHolder(lockFile) {
  try {
    if (Date.now() - statSync(lockFile).mtimeMs > LOCK_STALE_MS) return undefined;
    const holder = Number(readFileSync(lockFile, 'utf8'));
    // Written and not yet filled by the other: wait until it is, or is stale.
    if (holder > 0) process.kill(holder, 0);
    return holder;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM' ? 0 : undefined;
  }
}

/** @param {string} message */
function progress(message) {
  process.stderr.write(`${message} ...\n`);
}
