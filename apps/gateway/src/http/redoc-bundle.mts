import { createRequire } from 'node:module';

/** Where ReDoc's page is, whole in one script. */
export const redocBundle = createRequire(import.meta.url).resolve('redoc/bundles/redoc.standalone.js');
