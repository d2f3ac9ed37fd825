// `pnpm bench:logs [--data DIR] [--quick] [--only accuracy,speed]`; see the README.
import { parseArgs } from 'node:util';
import { accuracySection } from './logs-accuracy-section.js';
import { anomalySection } from './logs-anomaly-section.js';
import { injectionSection } from './logs-injection-section.js';
import { robustnessSection } from './logs-robustness-section.js';
import { speedSection } from './logs-speed-section.js';
import { rounded } from './statistics.js';

// What is measured in time comes first: code that has seen every kind of log runs slower than a fresh process.
const sections = [speedSection, robustnessSection, accuracySection, anomalySection, injectionSection];

const { values: flags } = parseArgs({
  options: {
    /** Real logs with their truth, in Loghub's layout. */
    data: { type: 'string' },
    quick: { type: 'boolean', default: false },
    /** Comma-separated names of sections. */
    only: { type: 'string', default: sections.map(({ name }) => name).join(',') },
  },
});

const only = flags.only.split(',');
const figures: Record<string, number> = {};
for (const section of sections.filter(({ name }) => only.includes(name))) {
  const startedAt = performance.now();
  const found = await section.run({ dataFolder: flags.data, isQuick: flags.quick });
  for (const [name, value] of Object.entries(found)) figures[name] = rounded(value);
  console.log(`${section.name}: ${((performance.now() - startedAt) / 1_000).toFixed(1)} s\n`);
}
console.log(JSON.stringify(figures));
