import type { ChunkSize } from '../uploads/log-store.service.js';

export interface PlannedPart {
  index: number;
  firstChunk: number;
  chunkCount: number;
  firstLine: number;
  lines: number;
}

/** Cuts a log into parts of `bytesMax` or a piece more, each at a piece that begins a line. */
export function planParts(chunks: readonly ChunkSize[], bytesMax: number): PlannedPart[] {
  const parts: PlannedPart[] = [];
  let bytes = 0;
  let nextLine = 1;
  chunks.forEach((chunk, index) => {
    const beginsLine = chunks[index - 1]?.endsLine ?? true;
    const last = parts.at(-1);
    if (!last || (bytes >= bytesMax && beginsLine)) {
      parts.push({
        index: parts.length,
        firstChunk: chunk.index,
        chunkCount: 1,
        firstLine: nextLine,
        lines: chunk.lines,
      });
      bytes = chunk.bytes;
    } else {
      last.chunkCount += 1;
      last.lines += chunk.lines;
      bytes += chunk.bytes;
    }
    nextLine += chunk.lines;
  });
  return parts;
}

/** A last line without a line feed is a line. */
export function linesOf(chunks: readonly ChunkSize[]): number {
  const feeds = chunks.reduce((sum, { lines }) => sum + lines, 0);
  return feeds + (chunks.at(-1)?.endsLine === false ? 1 : 0);
}
