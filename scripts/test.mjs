// `npm test`: everything, on a fresh clone too. Arguments go to Jest: `npm test -- --selectProjects unit`.
import { runStages } from './stages.mjs';

await runStages(process.argv.slice(2));
