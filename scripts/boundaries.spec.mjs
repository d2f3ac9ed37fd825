import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readWorkspace } from './boundaries.mjs';
import { listViolations } from './boundary-rules.mjs';
import { readSource } from './read-source.mjs';

describe('the boundaries', () => {
  it.each([
    ['an app imports an app', 'apps/gateway/src/a.ts', "import { x } from '@tollgate/chat';", 'project-type'],
    ['a lib imports an app', 'libs/contracts/src/a.ts', "export * from '@tollgate/chat';", 'project-type'],
    ['a source imports a testing lib', 'apps/gateway/src/a.ts', "import '@tollgate/testing';", 'project-type'],
    ['an import goes past the index', 'apps/gateway/src/a.ts', "import '@tollgate/contracts/src/b.js';", 'deep-import'],
    [
      'a relative import leaves its project',
      'apps/gateway/src/a.ts',
      "import '../../chat/src/b.js';",
      'relative-import',
    ],
    ['a project imports itself by name', 'libs/contracts/src/a.ts', "import '@tollgate/contracts';", 'self-import'],
    [
      'a lib without a framework imports Nest',
      'libs/contracts/src/a.ts',
      "await import('@nestjs/common');",
      'framework',
    ],
    ['a package is not declared', 'apps/gateway/src/a.ts', "type A = import('pg').Pool;", 'undeclared'],
    ['a source uses a development dependency', 'apps/gateway/src/a.ts', "require('typescript');", 'undeclared'],
    ['a service reads process.env', 'apps/gateway/src/a.service.ts', 'f(process.env.PORT);', 'environment'],
    ['… in another spelling', 'apps/gateway/src/a.service.ts', "import { env } from 'node:process';", 'environment'],
  ])('report with file and line when %s', (_, path, statement, rule) => {
    const violations = listViolations(newWorkspace({ [path]: `/* ü */\n// a comment\n${statement}` }));
    expect(violations).toContainEqual(expect.objectContaining({ file: path, line: 3, rule }));
  });

  it('say nothing about what is allowed', () => {
    const workspace = newWorkspace({
      'apps/gateway/src/a.ts': "import { x } from '@tollgate/contracts';\nimport 'node:fs';\nimport './b.js';",
      'apps/gateway/src/config.ts': 'export const config = process.env;',
      'apps/gateway/src/a.spec.ts': "import '@tollgate/testing';\nimport 'typescript';\nprocess.env.A = 'b';",
      'apps/gateway/src/b.ts': `const text = "import '@tollgate/chat'"; // import '@tollgate/chat'; process.env`,
    });
    expect(listViolations(workspace)).toEqual([]);
  });

  it('report projects that depend on each other in a circle', () => {
    const workspace = newWorkspace({ 'libs/contracts/test/a.int-spec.ts': "import '@tollgate/testing';" });
    const cycles = listViolations(workspace).filter(({ rule }) => rule === 'cycle');
    expect(cycles.map(({ problem }) => problem)).toEqual([
      '@tollgate/contracts → @tollgate/testing → @tollgate/contracts',
    ]);
  });

  it('report folders whose name says nothing', () => {
    const workspace = {
      ...newWorkspace({}),
      folders: ['libs/contracts/src/utils', 'scripts/utils', 'libs/contracts/src/errors'],
    };
    expect(listViolations(workspace)).toMatchObject([{ file: 'libs/contracts/src/utils', rule: 'folder-name' }]);
  });

  it('see every project of this repository with exactly one type', async () => {
    const { projects } = await readWorkspace(dirname(dirname(fileURLToPath(import.meta.url))));
    expect(projects.length).toBeGreaterThanOrEqual(13);
    expect(listViolations({ projects, files: [], folders: [], testPackages: [] })).toEqual([]);
  });
});

/** @param {Record<string, string>} sources */
function newWorkspace(sources) {
  const projects = [
    newProject('apps/gateway', ['type:app'], ['@tollgate/contracts'], ['@tollgate/testing', 'typescript']),
    newProject('apps/chat', ['type:app'], []),
    newProject('libs/contracts', ['type:lib', 'framework:none'], []),
    newProject('libs/testing', ['type:testing'], ['@tollgate/contracts']),
  ];
  const files = Object.entries(sources).map(([path, text]) => ({
    path,
    project: `@tollgate/${path.split('/')[1]}`,
    ...readSource(text, path),
  }));
  return { projects, files, folders: [], testPackages: [] };
}

/** @param {string} root @param {string[]} tags @param {string[]} dependencies @param {string[]} devDependencies */
function newProject(root, tags, dependencies, devDependencies = []) {
  return { name: `@tollgate/${root.split('/')[1]}`, root, tags, dependencies, devDependencies };
}
