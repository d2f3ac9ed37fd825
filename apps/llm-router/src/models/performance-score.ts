/** For full marks; below it points are given in proportion. */
const TOKENS_PER_SECOND_GOAL = 50;
const FIRST_TOKEN_MS_GOAL = 500;
const POINTS = { speed: 70, firstToken: 30 };

/** 0 to 100, with one decimal: how fluent a model feels to whoever reads along. */
export function performanceScore({ tokensPerSecond, firstTokenMs }: Measured): number {
  const speed = Math.min(1, tokensPerSecond / TOKENS_PER_SECOND_GOAL);
  const firstToken = Math.min(1, FIRST_TOKEN_MS_GOAL / Math.max(1, firstTokenMs));
  return Math.round((POINTS.speed * speed + POINTS.firstToken * firstToken) * 10) / 10;
}

export interface Measured {
  tokensPerSecond: number;
  firstTokenMs: number;
}
