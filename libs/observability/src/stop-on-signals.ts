import type { INestApplicationContext } from '@nestjs/common';
import { Logger } from './logger.js';

/**
 * Stops the app in good order on SIGTERM, SIGINT, or when the process that started it is gone: what runs is finished
 * first. A second signal does not hurry it; the supervisor's SIGKILL does. A defect that nobody has caught ends it at once.
 */
export function stopOnSignals(app: INestApplicationContext): void {
  const logger = app.get(Logger);
  let stopping = false;
  const stop = async (reason: string) => {
    if (stopping) return;
    stopping = true;
    logger.log(`stopping on ${reason}`);
    try {
      await app.close();
      process.exit(0);
    } catch (error) {
      logger.error('stopping failed', { err: error });
      process.exit(1);
    }
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
  // Node itself would print the error with all that hangs on it: prompts and keys.
  process.on('uncaughtException', (error) => {
    logger.fatal('a defect has ended the process', { err: error });
    process.exit(1);
  });
  if (process.send) process.on('disconnect', () => void stop('the end of its parent'));
}
