export interface SectionOptions {
  /** A folder in Loghub's layout, or undefined when there is none. */
  dataFolder: string | undefined;
  isQuick: boolean;
}

/** A part of `pnpm bench:logs`: prints its table and returns figures for the last line. */
export interface Section {
  name: string;
  run(options: SectionOptions): Promise<Record<string, number>>;
}
