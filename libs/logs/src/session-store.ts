import { findSessionKeys, type OnSessionKey } from './session-keys.js';
import { detached } from './text-hash.js';

/** Kinds of keys that are followed; later ones are ignored. */
const kindsMax = 32;
/** Steps kept for a kind. Beyond, every other session (by its key) is dropped, and again. */
const stepsMax = 262_144;

/** The steps of one unit of work, in the order of the log. */
export interface Session {
  shapes: number[];
  lines: number[];
}

export interface SessionKindSnapshot {
  kind: number;
  example: string;
  level: number;
  sessions: [key: number, ...shapesAndLines: number[]][];
}

/** Sessions of one kind of key. `level` sessions out of 2^level are dropped: those whose key is not 0 in its lowest bits. */
interface SessionKind {
  kind: number;
  example: string;
  level: number;
  sessions: Map<number, number>;
  /** Linked lists of steps: a session's last step is in `sessions`, and each knows the one before. */
  shapes: Int32Array;
  lines: Int32Array;
  previous: Int32Array;
  used: number;
}

/**
 * What happened to each unit of work, told apart by ids in the lines. Memory is bounded for each kind of id: above its bound a
 * sample of the ids is followed in full, the same in every order and every part, so that parts merge exactly (as
 * long as there are at most `kindsMax` kinds).
 */
export class SessionStore {
  private readonly kinds = new Map<number, SessionKind>();
  /** The line that is being added; kept here, as a function for each line would cost more than the search. */
  private current = { text: '', shape: 0, line: 0 };
  private readonly onKey: OnSessionKey = (kind, key, from, to) => {
    const { text, shape, line } = this.current;
    const found = this.kinds.get(kind) ?? this.addKind(kind, text, from, to);
    if (found) addStep(found, key, shape, line);
  };

  add(text: string, shape: number, line: number): void {
    this.current.text = text;
    this.current.shape = shape;
    this.current.line = line;
    findSessionKeys(text, this.onKey);
  }

  /** For each kind an example of its keys, the share of sessions that was followed, and those sessions. */
  list(): { kind: number; example: string; share: number; sessions: Session[] }[] {
    return [...this.kinds.values()].map((kind) => ({
      kind: kind.kind,
      example: kind.example,
      share: 1 / 2 ** kind.level,
      sessions: [...kind.sessions.values()].map((last) => sessionFrom(kind, last)),
    }));
  }

  merge(other: SessionStore, shapeOf: (otherShape: number) => number): void {
    for (const snapshot of other.snapshot()) this.mergeKind(snapshot, shapeOf);
  }

  snapshot(): SessionKindSnapshot[] {
    return [...this.kinds.values()].map((kind) => ({
      kind: kind.kind,
      example: kind.example,
      level: kind.level,
      sessions: [...kind.sessions].map(([key, last]) => {
        const { shapes, lines } = sessionFrom(kind, last);
        return [key, ...shapes, ...lines];
      }),
    }));
  }

  static restore(snapshots: readonly SessionKindSnapshot[]): SessionStore {
    const store = new SessionStore();
    for (const snapshot of snapshots) store.mergeKind(snapshot, (shape) => shape);
    return store;
  }

  private mergeKind(snapshot: SessionKindSnapshot, shapeOf: (shape: number) => number): void {
    const { kind, example, level } = snapshot;
    const target = this.kinds.get(kind) ?? this.addKind(kind, example, 0, example.length);
    if (!target) return;
    while (target.level < level) thinOut(target);
    for (const [key, ...steps] of snapshot.sessions) {
      const half = steps.length / 2;
      for (let at = 0; at < half; at++) addStep(target, key, shapeOf(steps[at] ?? 0), steps[at + half] ?? 0);
    }
  }

  private addKind(kind: number, text: string, from: number, to: number): SessionKind | undefined {
    if (this.kinds.size === kindsMax) return undefined;
    const example = detached(text.slice(from, to));
    const created = { kind, example, level: 0, sessions: new Map<number, number>(), ...emptySteps(256) };
    this.kinds.set(kind, created);
    return created;
  }
}

function emptySteps(size: number): Pick<SessionKind, 'shapes' | 'lines' | 'previous' | 'used'> {
  return { shapes: new Int32Array(size), lines: new Int32Array(size), previous: new Int32Array(size), used: 0 };
}

function addStep(kind: SessionKind, key: number, shape: number, line: number): void {
  if (kind.level > 0 && key % 2 ** kind.level !== 0) return;
  const last = kind.sessions.get(key) ?? -1;
  // The same id twice in a line is one step.
  if (last >= 0 && kind.lines[last] === line) return;
  if (kind.used === kind.shapes.length) {
    if (kind.used >= stepsMax) {
      thinOut(kind);
      addStep(kind, key, shape, line);
      return;
    }
    grow(kind);
  }
  const step = kind.used++;
  kind.shapes[step] = shape;
  kind.lines[step] = line;
  kind.previous[step] = last;
  kind.sessions.set(key, step);
}

function grow(kind: SessionKind): void {
  for (const name of ['shapes', 'lines', 'previous'] as const) {
    const larger = new Int32Array(kind[name].length * 2);
    larger.set(kind[name]);
    kind[name] = larger;
  }
}

function thinOut(kind: SessionKind): void {
  const kept = [...kind.sessions].filter(([key]) => key % 2 ** (kind.level + 1) === 0);
  const sessions = kept.map(([key, last]) => [key, sessionFrom(kind, last)] as const);
  Object.assign(kind, { level: kind.level + 1, sessions: new Map<number, number>() }, emptySteps(kind.shapes.length));
  for (const [key, { shapes, lines }] of sessions) {
    shapes.forEach((shape, at) => addStep(kind, key, shape, lines[at] ?? 0));
  }
}

function sessionFrom(kind: SessionKind, last: number): Session {
  const shapes: number[] = [];
  const lines: number[] = [];
  for (let step = last; step >= 0; step = kind.previous[step] ?? -1) {
    shapes.push(kind.shapes[step] ?? 0);
    lines.push(kind.lines[step] ?? 0);
  }
  return { shapes: shapes.toReversed(), lines: lines.toReversed() };
}
