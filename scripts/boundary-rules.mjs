// The dependency rules of the workspace, as pure functions over what boundaries.mjs has read.
import { builtinModules } from 'node:module';
import { posix } from 'node:path';

/**
 * @import { Source, Import } from './read-source.mjs'
 * @typedef {{ name: string, root: string, tags: string[], dependencies: string[], devDependencies: string[] }} Project
 * @typedef {Source & { path: string, project: string }} SourceFile
 * @typedef {object} Workspace all paths are relative to the root of the checkout
 * @property {Project[]} projects
 * @property {SourceFile[]} files
 * @property {string[]} folders
 * @property {string[]} testPackages what the root's package.json gives to the tests of every project
 * @typedef {{ file: string, line: number, rule: string, problem: string, remedy: string }} Violation
 * @typedef {{ workspace: Workspace, project: Project, file: SourceFile, isTest: boolean }} Context
 */

/** @type {Record<string, string[]>} A type of project and the types that it may import. Nobody imports an app. */
const mayImport = {
  'type:app': ['type:lib'],
  'type:lib': ['type:lib'],
  'type:testing': ['type:lib'],
  'type:tool': ['type:lib', 'type:testing'],
  'type:e2e': ['type:lib', 'type:testing'],
};

const frameworks = /^(@nestjs\/|@fastify\/|fastify$|ioredis$|bullmq$|prisma$|@prisma\/)/;
const vagueFolders = new Set(['utils', 'helpers', 'common', 'dto', 'types', 'interfaces', 'constants']);
const builtins = new Set(builtinModules);

/** @param {Workspace} workspace @returns {Violation[]} */
export function listViolations(workspace) {
  return [
    ...workspace.projects.flatMap(checkTags),
    ...workspace.files.flatMap((file) => checkFile(workspace, file)),
    ...checkCycles(workspace),
    ...workspace.folders.flatMap(checkFolder),
  ];
}

/** @param {Project} project @returns {Violation[]} */
function checkTags({ root, tags }) {
  const types = tags.filter((tag) => tag.startsWith('type:'));
  if (types.length === 1 && types[0] !== undefined && types[0] in mayImport) return [];
  const problem = `has ${types.length === 0 ? 'no type' : types.join(', ')}`;
  const remedy = `Give it exactly one of ${Object.keys(mayImport).join(', ')} in nx.tags.`;
  return [{ file: `${root}/package.json`, line: 1, rule: 'tags', problem, remedy }];
}

/** @param {Workspace} workspace @param {SourceFile} file @returns {Violation[]} */
function checkFile(workspace, file) {
  const project = workspace.projects.find(({ name }) => name === file.project);
  if (!project) throw new Error(`${file.path} belongs to ${file.project}, which is no project`);
  const isTest = /\.(int-|e2e-)?spec\.m?ts$|\/test\//.test(file.path);
  const context = { workspace, project, file, isTest };
  return [...file.imports.flatMap((found) => checkImport(context, found)), ...checkEnvironment(context)];
}

/** @param {Context} context @param {Import} found @returns {Violation[]} */
function checkImport(context, found) {
  const { project, file } = context;
  const { specifier } = found;
  if (specifier.startsWith('node:') || builtins.has(specifier)) return [];
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(file.path), specifier);
    if (target.startsWith(`${project.root}/`)) return [];
    const remedy = 'Import the other project by its name, through its index.';
    return [violation(context, found, 'relative-import', `"${specifier}" leaves ${project.root}`, remedy)];
  }
  return [...checkProjectImport(context, found), ...checkFramework(context, found), ...checkDeclared(context, found)];
}

/** @param {Context} context @param {Import} found @returns {Violation[]} */
function checkProjectImport(context, found) {
  const { workspace, project, isTest } = context;
  const name = packageOf(found.specifier);
  const target = workspace.projects.find((candidate) => candidate.name === name);
  if (!target) return [];
  if (target === project) {
    const remedy = 'Import the file itself by its relative path.';
    return [violation(context, found, 'self-import', `imports its own index "${name}"`, remedy)];
  }
  const violations = [];
  if (found.specifier !== name) {
    const remedy = `Import it from "${name}"; export it from ${target.root}/src/index.ts if it is not yet.`;
    violations.push(violation(context, found, 'deep-import', `"${found.specifier}" reaches into ${name}`, remedy));
  }
  const [type, targetType] = [typeOf(project), typeOf(target)];
  const allowed = [...(mayImport[type] ?? []), ...(isTest ? ['type:testing'] : [])];
  if (!allowed.includes(targetType)) {
    const remedy =
      targetType === 'type:app'
        ? 'Nobody imports an app: what two of them must agree on belongs into libs/contracts.'
        : `Code of ${type} may import ${allowed.join(' and ')} only; move what is shared into a lib.`;
    violations.push(violation(context, found, 'project-type', `${type} imports ${name} of ${targetType}`, remedy));
  }
  if (!isTest && isFrameworkFree(project) && !isFrameworkFree(target)) {
    const remedy = 'Move the code that needs it into a project without the tag framework:none.';
    violations.push(violation(context, found, 'framework', `framework:none imports ${name}, which is not`, remedy));
  }
  return violations;
}

/** @param {Context} context @param {Import} found @returns {Violation[]} */
function checkFramework(context, found) {
  if (!isFrameworkFree(context.project) || !frameworks.test(packageOf(found.specifier))) return [];
  const remedy = 'Move the code that needs it into a project without the tag framework:none.';
  return [violation(context, found, 'framework', `framework:none imports "${found.specifier}"`, remedy)];
}

/** @param {Context} context @param {Import} found @returns {Violation[]} */
function checkDeclared(context, found) {
  const { workspace, project, isTest } = context;
  const name = packageOf(found.specifier);
  const declared = [
    ...project.dependencies,
    ...(isTest || found.isTypeOnly ? project.devDependencies : []),
    ...(isTest ? workspace.testPackages : []),
    project.name,
  ];
  if (declared.includes(name)) return [];
  const version = name.startsWith('@tollgate/') ? 'workspace:*' : 'catalog:';
  const field = isTest ? 'devDependencies' : 'dependencies';
  const remedy = `Add "${name}": "${version}" to the ${field} in ${project.root}/package.json.`;
  return [violation(context, found, 'undeclared', `"${name}" is not declared`, remedy)];
}

/** @param {Context} context @returns {Violation[]} */
function checkEnvironment({ project, file, isTest }) {
  const isReader = isTest || /(\/config|main)\.ts$/.test(file.path);
  if (isReader || ['type:testing', 'type:tool', 'type:e2e'].includes(typeOf(project))) return [];
  const remedy = "Read it in the app's config.ts and pass the value on.";
  const [rule, problem] = ['environment', 'reads process.env'];
  return file.environmentReads.map((line) => ({ file: file.path, line, rule, problem, remedy }));
}

/** Cycles over imports and declared dependencies, each reported once. @param {Workspace} workspace @returns {Violation[]} */
function checkCycles({ projects, files }) {
  const names = new Set(projects.map(({ name }) => name));
  const edges = new Map(projects.map((project) => [project.name, new Set(dependenciesOf(project))]));
  for (const file of files) {
    for (const { specifier } of file.imports) edges.get(file.project)?.add(packageOf(specifier));
  }
  /** @type {Violation[]} */
  const violations = [];
  const done = new Set();
  /** @param {string} name @param {string[]} path */
  const visit = (name, path) => {
    if (path.includes(name)) {
      const cycle = [...path.slice(path.indexOf(name)), name].join(' → ');
      const file = `${projects.find((project) => project.name === path.at(-1))?.root}/package.json`;
      const remedy = 'Move what both need into a lib below them; a test can also make what it needs itself.';
      violations.push({ file, line: 1, rule: 'cycle', problem: cycle, remedy });
      return;
    }
    if (done.has(name)) return;
    for (const next of edges.get(name) ?? []) if (next !== name && names.has(next)) visit(next, [...path, name]);
    done.add(name);
  };
  for (const name of edges.keys()) visit(name, []);
  return violations;
}

/** @param {string} folder @returns {Violation[]} */
function checkFolder(folder) {
  if (!/^(apps|libs)\//.test(folder) || !vagueFolders.has(posix.basename(folder))) return [];
  const problem = `the name "${posix.basename(folder)}" says nothing`;
  const remedy = 'Put the code beside its user, in a file named for what it does.';
  return [{ file: folder, line: 1, rule: 'folder-name', problem, remedy }];
}

/** @param {Context} context @param {Import} found @param {string} rule @param {string} problem @param {string} remedy */
function violation({ file }, { line }, rule, problem, remedy) {
  return { file: file.path, line, rule, problem, remedy };
}

/** @param {string} specifier '@a/b/c' → '@a/b', 'a/b' → 'a' */
function packageOf(specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** @param {Project} project */
function dependenciesOf({ dependencies, devDependencies }) {
  return [...dependencies, ...devDependencies];
}

/** @param {Project} project */
function typeOf({ tags }) {
  return tags.find((tag) => tag.startsWith('type:')) ?? 'no type';
}

/** @param {Project} project */
function isFrameworkFree({ tags }) {
  return tags.includes('framework:none');
}
