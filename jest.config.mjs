import { availableParallelism } from 'node:os';

// CommonJS mode, in which @nestjs/* (ESM only) is loaded through require(esm): Node 24 with --experimental-vm-modules.
// Jest's ESM mode was tried and failed: CommonJS packages that require @nestjs/common end in a cycle.

const swc = {
  jsc: {
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
    target: 'es2023',
    keepClassNames: true,
  },
  sourceMaps: 'inline',
};

const shared = {
  testEnvironment: 'node',
  moduleFileExtensions: ['ts', 'mts', 'mjs', 'js', 'json'],
  // A file that needs import.meta is .mts and runs as ESM; everything else becomes CommonJS.
  extensionsToTreatAsEsm: ['.mts'],
  transform: { '^.+\\.m?ts$': ['@swc/jest', swc] },
  moduleNameMapper: {
    // The sources, not dist: a test needs no build.
    '^@tollgate/([a-z-]+)$': '<rootDir>/libs/$1/src/index.ts',
    // TypeScript's specifiers name the output. The first form is for node_modules, where the .js file exists.
    '^(\\.{1,2}/.*)\\.js$': ['$1.js', '$1.ts'],
    '^(\\.{1,2}/.*)\\.mjs$': ['$1.mjs', '$1.mts'],
  },
  modulePathIgnorePatterns: ['<rootDir>/\\.tollgate/', '<rootDir>/\\.nx/', '<rootDir>/[a-z0-9/-]+/dist/'],
};

const withServers = {
  globalSetup: '<rootDir>/scripts/jest-global-setup.mjs',
  globalTeardown: '<rootDir>/scripts/jest-global-teardown.mjs',
};

export default {
  // More than cores: most of what the tests of processes do is wait.
  maxWorkers: availableParallelism() + 1,
  testTimeout: 40_000,
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/{apps,libs,deploy}/*/src/**/*.spec.ts', '<rootDir>/scripts/**/*.spec.mjs'],
    },
    {
      ...shared,
      ...withServers,
      displayName: 'integration',
      testMatch: ['<rootDir>/{apps,libs,deploy}/*/test/**/*.int-spec.ts'],
    },
    { ...shared, ...withServers, displayName: 'e2e', testMatch: ['<rootDir>/e2e/src/**/*.e2e-spec.ts'] },
  ],
};
