import type { Redis } from 'ioredis';

const CHECK_EVERY_MS = 250;

/**
 * Rejects commands that Redis leaves unanswered for this long, or up to half a second longer. ioredis can do that with a
 * timer for each command; as answers come in the order of the commands, it is enough to look now and then at which one was the last.
 */
export function giveUpUnanswered(redis: Redis, afterMs: number): void {
  /** The last command that was under way at each of the last checks, the oldest first. */
  const marks: (Command | undefined)[] = [];
  const timer = setInterval(() => {
    marks.push(redis.commandQueue.peekBack()?.command);
    if (marks.length * CHECK_EVERY_MS <= afterMs) return;
    const overdue = marks.shift();
    if (overdue) rejectUpTo(overdue, redis);
  }, CHECK_EVERY_MS);
  timer.unref();
  redis.once('end', () => clearInterval(timer));
}

type Command = NonNullable<ReturnType<Redis['commandQueue']['peekBack']>>['command'];

/** Nothing, when that one has been answered. */
function rejectUpTo(last: Command, { commandQueue }: Redis): void {
  const unanswered = commandQueue.toArray().map(({ command }) => command);
  for (const command of unanswered.slice(0, unanswered.indexOf(last) + 1))
    command.reject(new Error('Redis did not answer in time'));
}
