/** Counts by key. Quick where the same key comes again and again, as most do in a log. */
export class Counter<Key> {
  readonly #cells = new Map<Key, { count: number }>();
  #lastKey: Key | undefined;
  #lastCell = { count: 0 };

  add(key: Key, times = 1): void {
    if (key !== this.#lastKey || this.#cells.size === 0) {
      this.#lastCell = this.#cells.get(key) ?? this.#addCell(key);
      this.#lastKey = key;
    }
    this.#lastCell.count += times;
  }

  /** False for a key that was never counted, which is not counted now either. */
  addKnown(key: Key, times = 1): boolean {
    const cell = this.#cells.get(key);
    if (cell) cell.count += times;
    return cell !== undefined;
  }

  /** Keys counted. */
  get size(): number {
    return this.#cells.size;
  }

  /** In the order in which the keys came. */
  entries(): [key: Key, count: number][] {
    return [...this.#cells].map(([key, { count }]) => [key, count]);
  }

  merge(entries: Iterable<readonly [key: Key, count: number]>): void {
    for (const [key, count] of entries) this.add(key, count);
  }

  #addCell(key: Key): { count: number } {
    const cell = { count: 0 };
    this.#cells.set(key, cell);
    return cell;
  }
}
