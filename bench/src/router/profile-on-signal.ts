// Loaded before a process that is to be profiled (`--import`): profiles from one SIGUSR2 to the next, and writes <PROFILE_FILE>.
// `--cpu-prof` would profile the start-up too, which takes as long as the load.
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';

const SAMPLE_EVERY_MICROS = 200;

const session = new Session();
let isRunning = false;

process.on('SIGUSR2', () => {
  if (!isRunning) {
    session.connect();
    session.post('Profiler.enable');
    session.post('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_MICROS });
    session.post('Profiler.start');
    isRunning = true;
    return;
  }
  session.post('Profiler.stop', (_error, { profile }) => {
    writeFileSync(String(process.env['PROFILE_FILE']), JSON.stringify(profile));
    session.disconnect();
    isRunning = false;
  });
});
