import { createRequire } from 'node:module';
import { join } from 'node:path';

// The only file here that is .mts: it needs import.meta, which Jest cannot parse in a file that it loads as CommonJS.
// The paths are the same from src/ (tests) and from dist/ (run time).

const repositoryDir = join(import.meta.dirname, '../../..');

export const migrationsDirDefault = join(repositoryDir, 'prisma/migrations');
export const schemaFileDefault = join(repositoryDir, 'prisma/schema.prisma');

export const schemaEngineWasmFile = createRequire(import.meta.url)
  .resolve('@prisma/schema-engine-wasm/schema_engine_bg')
  .replace(/\.js$/, '.wasm');
