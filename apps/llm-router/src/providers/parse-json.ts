/** For text that a schema judges next: what is not JSON becomes undefined, which no schema of an answer accepts. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
