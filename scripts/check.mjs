// `pnpm check`: what every commit must pass, without servers: format, lint, import cycles, boundaries, types, unit tests.
import { runStages } from './stages.mjs';

await runStages(['--selectProjects', 'unit']);
