import { extname, join } from 'node:path';

// .mts, because it needs import.meta, which Jest cannot parse in a file that it loads as CommonJS.
// The thread is started from its source in tests, which Node runs as it is, and from its output else.

export const readingThreadFile = join(import.meta.dirname, `reading-thread${extname(import.meta.filename)}`);
