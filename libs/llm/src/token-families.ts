import type { TextFeatures } from './text-features.js';

/** Of these the weights are below, in this order. o200k is counted. */
const estimated = ['llama3', 'qwen2_5', 'deepseek', 'gemma'] as const;
export type EstimatedFamily = (typeof estimated)[number];
export const tokenizerFamilies = ['o200k', ...estimated] as const;

/** No vocabulary is so much better than o200k: what is below is a text that the weights were not made for. */
const SHARE_OF_O200K_MIN = 0.5;

/** Tokens of a text in the family, from its tokens of o200k and its features; a fraction. */
export function estimate(family: EstimatedFamily, features: TextFeatures, o200k: number): number {
  const column = estimated.indexOf(family);
  let tokens = o200k;
  for (const [name, weights] of rows) tokens += (weights[column] ?? 0) * features[name];
  return Math.max(tokens, o200k * SHARE_OF_O200K_MIN);
}

type Weights = readonly [llama3: number, qwen2_5: number, deepseek: number, gemma: number];

/**
 * Tokens that a family has more than o200k, or fewer, for one of each feature: `gemma` is Gemma 3's. Made by
 * `pnpm drill:tokens --fit`, all of them together; docs/decisions/2026-11-21-token-estimates.md says how, and how good they are.
 */
const weights: Record<keyof TextFeatures, Weights> = {
  hanToken: [-0.072, -0.057, -0.15, -0.064],
  kanaToken: [-0.074, -0.083, -0.075, -0.215],
  hangulToken: [-0.022, 0.063, 0.044, -0.008],
  cyrillicToken: [0.116, 0.228, 0.014, -0.01],
  greekToken: [-0.01, 0.132, -0.055, -0.031],
  hebrewToken: [0.243, -0.035, 0.073, -0.019],
  arabicToken: [0.161, 0.218, 0.077, -0.105],
  devanagariToken: [-0.225, -0.007, -0.068, -0.186],
  bengaliToken: [0.312, 0.176, -0.04, -0.079],
  indicToken: [0.487, 0.233, 0.17, -0.181],
  thaiToken: [-0.113, -0.04, 0.076, 0.052],
  otherScriptToken: [0.291, 0.339, 0.136, -0.285],
  accentedToken: [0.015, 0.145, 0.098, -0.075],
  wordStartToken: [0.152, 0.199, -0.106, 0.025],
  wordRestToken: [0.145, 0.17, -0.015, -0.039],
  digitsToken: [0.003, -0.356, -0.047, -0.394],
  blankToken: [-0.094, -0.109, -0.042, -0.101],
  drawingToken: [0.058, 0.193, 0.005, 0.061],
  typographyToken: [-0.095, -0.055, -0.1, 0.014],
  wideSignToken: [-0.083, -0.019, -0.03, -0.026],
  bytesToken: [-0.222, -0.883, -0.346, -0.844],
  signToken: [-0.029, -0.04, -0.137, -0.724],
  han: [0.068, -0.013, -0.082, -0.069],
  kana: [0.018, 0.017, 0.034, -0.133],
  hangul: [0.048, 0.08, 0.085, -0.014],
  cyrillic: [0.026, 0.046, 0.061, -0.006],
  greek: [0.025, 0.551, 0.144, 0.025],
  hebrew: [0.576, 0.015, 0.078, 0.111],
  arabic: [0.012, 0.005, 0.031, 0.048],
  devanagari: [0.324, 0.716, 0.328, 0.007],
  bengali: [0.818, 0.706, 0.098, -0.08],
  indic: [1.144, 0.999, 0.316, 0.051],
  thai: [0.093, 0.151, -0.056, -0.095],
  otherScript: [0.98, 0.507, 0.31, 0.081],
  latin1: [0.141, 0.301, 0.024, 0.011],
  latinExtended: [-0.148, -0.097, 0.238, -0.084],
  digits: [0.018, 0.916, 0.043, 0.936],
  lines: [-0.021, 0.001, 0.018, 0.156],
  indents: [0.149, 0.136, -0.024, 0.04],
  indentation: [-0.004, -0.003, 0.001, 0.017],
  signs: [-0.01, -0.006, 0.003, 0.075],
  signRuns: [0.024, -0.017, 0.065, 0.514],
  repeatedSigns: [-0.052, -0.017, -0.129, -0.056],
  signAtLineEnd: [0.078, 0.047, 0.109, 0.81],
  digitThenSign: [-0.035, -0.108, 0.054, -0.025],
  letterThenSign: [-0.097, -0.036, 0.069, 0.189],
  blankThenSign: [-0.002, 0.037, 0.067, 0.077],
  letterAtLineStart: [0.073, 0.055, -0.076, -0.097],
  capitals: [-0.024, -0.028, 0.073, 0.016],
  camelHumps: [-0.156, -0.196, -0.156, 0.025],
  words: [-0.133, -0.203, 0.047, 0.013],
  letters: [0, 0.006, 0.014, -0.007],
  longWords: [0.078, 0.043, 0.106, 0.037],
  digitGroups: [0.016, -0.348, -0.041, -0.389],
  westernText: [0.032, 0.027, 0.027, 0.011],
  easternText: [0.041, 0.03, 0.038, 0.012],
  hex: [-0.016, -0.027, -0.003, -0.008],
  random: [-0.01, -0.017, -0.006, -0.016],
};

const rows = Object.entries(weights) as [keyof TextFeatures, readonly number[]][];
