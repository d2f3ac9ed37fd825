import { join } from 'node:path';

// .mts, because it needs import.meta, which Jest cannot parse in a file that it loads as CommonJS.

export const repositoryDir = join(import.meta.dirname, '../../..');
