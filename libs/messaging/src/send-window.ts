/** JSON characters of one stream that may be on their way, unread, at once. */
const WINDOW_CHARACTERS = 1024 * 1024;
/** What a part takes beside its text, on either side; bounds the number of tiny parts. */
const PART_OVERHEAD_CHARACTERS = 64;
/** The acknowledgement travels by publish/subscribe, which may lose it: it is asked for again. */
const ASK_AGAIN_EVERY_MS = 1_000;

/**
 * Keeps a stream from running ahead of its reader by more than a window, so that a slow reader bounds the memory used for it
 * on both sides and in Redis. A reader that keeps up is never asked: only a full window costs a message.
 */
export class SendWindow {
  /** Sizes of the parts not yet acknowledged; the first one is part number `acknowledged`. */
  private unread: number[] = [];
  private unreadCharacters = 0;
  private acknowledged = 0;
  private isAsked = false;
  private isClosed = false;
  private open: (() => void) | undefined;

  constructor(private readonly askForAcknowledgement: () => void) {}

  /** Undefined while the window has room, else a promise that it has or that it was closed. */
  sent(characters: number): Promise<void> | undefined {
    const size = characters + PART_OVERHEAD_CHARACTERS;
    this.unread.push(size);
    this.unreadCharacters += size;
    if (this.unreadCharacters > WINDOW_CHARACTERS) return this.waitForRoom();
    // Asked at half of it, a reader that keeps up never lets it fill.
    if (this.unreadCharacters > WINDOW_CHARACTERS / 2 && !this.isAsked) this.ask();
    return undefined;
  }

  acknowledge(read: number): void {
    const parts = this.unread.splice(0, Math.max(0, read - this.acknowledged));
    this.acknowledged += parts.length;
    for (const size of parts) this.unreadCharacters -= size;
    this.isAsked = false;
    if (this.unreadCharacters <= WINDOW_CHARACTERS) this.open?.();
  }

  /** Nobody waits for room any more. */
  close(): void {
    this.isClosed = true;
    this.open?.();
  }

  private ask(): void {
    this.isAsked = true;
    this.askForAcknowledgement();
  }

  private async waitForRoom(): Promise<void> {
    if (this.isClosed) return;
    this.ask();
    const timer = setInterval(() => this.ask(), ASK_AGAIN_EVERY_MS);
    await new Promise<void>((resolve) => (this.open = resolve));
    clearInterval(timer);
    this.open = undefined;
  }
}
