/** Of any JSON that comes from outside: whatever nests deeper overflows the stack of those who walk it, JSON.stringify first. */
export const JSON_LEVELS_MAX = 64;

/** An object or a list is one level; what is in it, one more. Takes values of any depth. */
export function isDeeperThan(value: unknown, levelsMax: number): boolean {
  let level = [value].filter(isContainer);
  for (let depth = 0; depth < levelsMax && level.length > 0; depth += 1) {
    level = level.flatMap((container) => Object.values(container).filter(isContainer));
  }
  return level.length > 0;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
