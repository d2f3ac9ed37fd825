/** From least to most severe. */
export const logLevels = ['trace', 'debug', 'info', 'notice', 'warn', 'error', 'critical'] as const;

export type LogLevel = (typeof logLevels)[number];

const spellings: Record<LogLevel, string> = {
  trace: 'trace trc trce finest finer verbose vrb all',
  debug: 'debug dbg dbug fine debug1 debug2 debug3 debug4 debug5',
  info: 'info inf normal information informational config log statement hint detail audit',
  notice: 'notice note ntc',
  warn: 'warn warning wrn',
  error: 'error err fail eror severe failure',
  critical: 'critical crit fatal ftl alert emerg emergency panic dpanic',
};

const levels = new Map<string, LogLevel>();
for (const level of logLevels) {
  for (const word of spellings[level].split(' ')) levels.set(word, level).set(word.toUpperCase(), level);
}

/** The level that a word of any case means, such as `WARNING`, `Err` or `severe`. */
export function levelOf(word: string): LogLevel | undefined {
  return levels.get(word) ?? levels.get(word.toLowerCase());
}

const letters = new Map<string, LogLevel>([
  ['V', 'trace'],
  ['T', 'trace'],
  ['D', 'debug'],
  ['I', 'info'],
  ['N', 'notice'],
  ['W', 'warn'],
  ['E', 'error'],
  ['F', 'critical'],
  ['C', 'critical'],
]);

/** The level that a capital letter means where a format has one in its place. */
export function levelOfLetter(letter: string): LogLevel | undefined {
  return letters.get(letter);
}
