// What a source file imports and whether it reads the environment, from its syntax tree (a search for text would find
// imports in strings and comments). swc parses it: TypeScript 7 has no API for that.
import swc from '@swc/core';

/**
 * @typedef {{ specifier: string, line: number, isTypeOnly: boolean }} Import
 * @typedef {{ imports: Import[], environmentReads: number[] }} Source lines start at 1
 */

/** @param {string} text @param {string} path for the message of a syntax error @returns {Source} */
export function readSource(text, path) {
  // swc counts bytes, from wherever the last parse ended, and its root starts at the first token: the semicolon is that.
  const bytes = Buffer.from(`;${text}`);
  const tree = parse(bytes.toString(), path);
  /** @param {{ span: { start: number } }} node */
  const lineOf = (node) =>
    bytes
      .subarray(0, node.span.start - tree.span.start)
      .toString()
      .split('\n').length;

  /** @type {Source} */
  const source = { imports: [], environmentReads: [] };
  for (const node of nodesOf(tree)) {
    const found = importOf(node);
    if (found) source.imports.push({ ...found, line: lineOf(node) });
    if (readsEnvironment(node)) source.environmentReads.push(lineOf(node));
  }
  return source;
}

/** @param {string} text @param {string} path @returns {any} */
function parse(text, path) {
  try {
    return swc.parseSync(text, { syntax: 'typescript', decorators: true, target: 'es2023' });
  } catch (error) {
    throw new Error(`${path} could not be parsed`, { cause: error });
  }
}

/** @param {any} value @returns {Generator<any>} every node below, in the order of the source */
function* nodesOf(value) {
  if (value === null || typeof value !== 'object') return;
  if (typeof value.type === 'string' && value.span) yield value;
  for (const child of Object.values(value)) yield* nodesOf(child);
}

/** @param {any} node @returns {{ specifier: string, isTypeOnly: boolean } | undefined} */
function importOf(node) {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
      return node.source && { specifier: node.source.value, isTypeOnly: isTypeOnly(node) };
    case 'TsImportType':
      return { specifier: node.argument.value, isTypeOnly: true };
    case 'TsExternalModuleReference':
      return { specifier: node.expression.value, isTypeOnly: false };
    case 'CallExpression':
      return callImport(node);
    default:
      return undefined;
  }
}

/** @param {any} node */
function isTypeOnly(node) {
  const names = node.specifiers ?? [];
  return node.typeOnly === true || (names.length > 0 && names.every((/** @type {any} */ name) => name.isTypeOnly));
}

/** import('x'), require('x'), require.resolve('x') and jest.mock('x') @param {any} node */
function callImport({ callee, arguments: [first] }) {
  if (first?.expression.type !== 'StringLiteral') return undefined;
  const [object, property] = callee.type === 'MemberExpression' ? [callee.object.value, callee.property.value] : [];
  const imports =
    callee.type === 'Import' ||
    callee.value === 'require' ||
    object === 'require' ||
    (object === 'jest' && /mock/i.test(property));
  return imports ? { specifier: first.expression.value, isTypeOnly: false } : undefined;
}

/** process.env, process['env'], const { env } = process, import { env } from 'node:process' @param {any} node */
function readsEnvironment(node) {
  switch (node.type) {
    case 'MemberExpression':
      return node.object.value === 'process' && (node.property.value ?? node.property.expression?.value) === 'env';
    case 'VariableDeclarator':
      return (
        node.init?.value === 'process' && node.id.properties?.some((/** @type {any} */ it) => it.key?.value === 'env')
      );
    case 'ImportDeclaration':
      return (
        /^(node:)?process$/.test(node.source.value) &&
        node.specifiers.some((/** @type {any} */ it) => (it.imported ?? it.local).value === 'env')
      );
    default:
      return false;
  }
}
