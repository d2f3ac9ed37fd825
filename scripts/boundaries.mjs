// `node scripts/boundaries.mjs`: the dependency rules between the projects of the workspace. The rules themselves are in
// boundary-rules.mjs; here is what they look at. Projects, tags and declared dependencies come from nx; nx does not see
// imports in sources without its plugins, so those are read here.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { listViolations } from './boundary-rules.mjs';
import { readSource } from './read-source.mjs';

/** @import { Project, SourceFile, Workspace } from './boundary-rules.mjs' */

const notSources = new Set(['node_modules', 'dist', 'generated', 'coverage']);

/** @param {string} root of a checkout; nx must be able to find it as the working directory */
export async function readWorkspace(root) {
  process.env['NX_DAEMON'] = 'false';
  const { createProjectGraphAsync } = (await import('nx/src/devkit-exports.js')).default;
  const graph = await createProjectGraphAsync({ exitOnError: true });
  const projects = Object.values(graph.nodes).map((node) => readProject(root, node));
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return /** @type {Workspace} */ ({
    projects,
    files: projects.flatMap((project) => readSources(root, project)),
    folders: projects
      .flatMap((project) => listEntries(join(root, project.root), 'folder'))
      .map((path) => relative(root, path)),
    testPackages: Object.keys(devDependencies),
  });
}

/** @param {string} root @param {{ name: string, data: { root: string, tags?: string[] } }} node */
function readProject(root, { name, data }) {
  const manifest = JSON.parse(readFileSync(join(root, data.root, 'package.json'), 'utf8'));
  return /** @type {Project} */ ({
    name,
    root: data.root,
    tags: data.tags ?? [],
    dependencies: Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }),
    devDependencies: Object.keys(manifest.devDependencies ?? {}),
  });
}

/** @param {string} root @param {Project} project @returns {SourceFile[]} */
function readSources(root, project) {
  return listEntries(join(root, project.root), 'file')
    .filter((path) => /\.m?ts$/.test(path))
    .map((path) => ({
      path: relative(root, path),
      project: project.name,
      ...readSource(readFileSync(path, 'utf8'), relative(root, path)),
    }));
}

/** @param {string} directory @param {'file' | 'folder'} kind @returns {string[]} */
function listEntries(directory, kind) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (notSources.has(entry.name)) return [];
    const path = join(directory, entry.name);
    if (!entry.isDirectory()) return kind === 'file' ? [path] : [];
    return [...(kind === 'folder' ? [path] : []), ...listEntries(path, kind)];
  });
}

if (import.meta.main) {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  process.chdir(root);
  const violations = listViolations(await readWorkspace(root));
  for (const { file, line, rule, problem, remedy } of violations) {
    console.error(`${file}:${line}  ${rule}: ${problem}\n  ${remedy}`);
  }
  if (violations.length > 0) {
    console.error(`\n${violations.length} violations of the boundaries`);
    process.exitCode = 1;
  }
}
