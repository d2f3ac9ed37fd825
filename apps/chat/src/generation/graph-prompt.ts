import type { ChatGraph } from '@tollgate/contracts';

interface Line {
  text: string;
  /** Ids of blocks that it is about, by which relevance spreads along edges. */
  blocks: readonly string[];
}

/** A word of the question in a line counts this much, one in a line that shares a block half of it. */
const NEIGHBOUR_SHARE = 0.5;
const WORD_CHARACTERS_MIN = 3;

/**
 * The graph as lines for a prompt: those that share words with the question first, then those joined to them, as many as fit
 * into the budget. Empty when not one fits.
 */
export function graphPrompt(
  graph: ChatGraph,
  question: string,
  budgetTokens: number,
  tokensOf: (text: string) => number,
): string {
  const heading = 'Graph of the user (JSON lines). Refer to nodes by their ids, and only to nodes that exist:';
  let room = budgetTokens - tokensOf(heading);
  const chosen: string[] = [];
  for (const { text } of byRelevance(linesOf(graph), wordsOf(question))) {
    const size = tokensOf(text) + 1;
    if (size > room) continue;
    room -= size;
    chosen.push(text);
  }
  return chosen.length === 0 ? '' : [heading, ...chosen].join('\n');
}

function linesOf(graph: ChatGraph): Line[] {
  const line = (kind: string, value: object, blocks: string[] = []): Line => ({
    // As JSON on one line: no name or description can pass for another line, or for an instruction outside of its string.
    text: JSON.stringify({ kind, ...value }),
    blocks,
  });
  return [
    ...graph.pipelines.map((pipeline) => line('pipeline', pipeline, pipeline.blocks)),
    ...graph.blocks.map((block) => line('block', block, [block.id])),
    ...graph.edges.map((edge) => line('edge', edge, [edge.source_block_id, edge.target_block_id])),
    ...graph.data_sources.map((source) => line('data_source', source)),
    ...graph.models.map((model) => line('model', model)),
  ];
}

/** Stable: among equals the order of the graph stays. */
function byRelevance(lines: readonly Line[], words: ReadonlySet<string>): Line[] {
  const own = lines.map(({ text }) => [...wordsOf(text)].filter((word) => words.has(word)).length);
  const ofBlock = new Map<string, number>();
  for (const [index, { blocks }] of lines.entries()) {
    for (const block of blocks) ofBlock.set(block, Math.max(ofBlock.get(block) ?? 0, own[index] ?? 0));
  }
  const scored = lines.map((line, index) => {
    const neighbours = Math.max(0, ...line.blocks.map((block) => ofBlock.get(block) ?? 0));
    return { line, score: Math.max(own[index] ?? 0, neighbours * NEIGHBOUR_SHARE) };
  });
  return scored.sort((a, b) => b.score - a.score).map(({ line }) => line);
}

function wordsOf(text: string): Set<string> {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return new Set(words.filter((word) => word.length >= WORD_CHARACTERS_MIN));
}
