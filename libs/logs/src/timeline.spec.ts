import fc from 'fast-check';
import { bucketsMax, Timeline } from './timeline.js';

const occurrence = fc.record({
  key: fc.nat(5),
  position: fc.nat(1_000_000),
  line: fc.integer({ min: 1, max: 10_000 }),
});

function filled(occurrences: readonly { key: number; position: number; line: number }[]): Timeline {
  const timeline = new Timeline();
  for (const { key, position, line } of occurrences) timeline.add(key, position, line);
  return timeline;
}

function contentOf(timeline: Timeline) {
  return {
    width: timeline.bucketWidth,
    series: [0, 1, 2, 3, 4, 5].map((key) => {
      const { buckets, counts, firstLines, lastLines } = timeline.occurrencesOf(key);
      return { buckets, counts, firstLines, lastLines };
    }),
  };
}

describe('Timeline', () => {
  it('holds the same after parts are merged in any cut as after one pass, snapshots in between included', () => {
    fc.assert(
      fc.property(fc.array(occurrence, { maxLength: 6_000 }), fc.nat(6_000), (occurrences, cut) => {
        const merged = filled(occurrences.slice(0, cut));
        const rest = filled(occurrences.slice(cut));
        merged.merge(Timeline.restore(JSON.parse(JSON.stringify(rest.snapshot()))), (key) => key);
        expect(contentOf(merged)).toEqual(contentOf(filled(occurrences)));
      }),
      { numRuns: 30 },
    );
  });

  it('does not depend on the order in which things are added', () => {
    fc.assert(
      fc.property(fc.array(occurrence, { maxLength: 500 }), (occurrences) => {
        expect(contentOf(filled(occurrences.toReversed()))).toEqual(contentOf(filled(occurrences)));
      }),
    );
  });

  it('never holds more than its share of buckets, and loses no count', () => {
    const timeline = new Timeline();
    for (let index = 0; index < 50_000; index++) timeline.add(index % 2, index * 37, index + 1);
    const { buckets, counts, firstLines, lastLines } = timeline.occurrencesOfAll([0, 1]);
    expect(buckets.length).toBeLessThanOrEqual(bucketsMax);
    expect(counts.reduce((sum, count) => sum + count)).toBe(50_000);
    expect([firstLines[0], lastLines.at(-1)]).toEqual([1, 50_000]);
  });

  it('keeps its resolution when one position lies far off', () => {
    const timeline = new Timeline();
    timeline.add(0, 0, 1);
    for (let index = 0; index < 4_000; index++) timeline.add(0, 1.7e12 + index, index + 2);
    expect(timeline.bucketWidth).toBe(1);
  });
});
