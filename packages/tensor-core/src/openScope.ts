/** What a scope can free. */
export interface Freeable {
  free(): void;
}

const scopes: OpenScope[] = [];

/** The innermost scope that is open, if any. */
export function currentScope(): OpenScope | undefined {
  return scopes.at(-1);
}

/** The part of a memory scope that knows of memory and not of tensors. */
export class OpenScope implements Disposable {
  readonly #tracked = new Set<Freeable>();

  constructor() {
    scopes.push(this);
  }

  track(storage: Freeable): void {
    this.#tracked.add(storage);
  }

  /** Leaves `storage` to the scope around this one, or to the garbage collector. */
  release(storage: Freeable): void {
    if (!this.#tracked.delete(storage)) return;
    const outer = scopes[scopes.indexOf(this) - 1];
    outer?.track(storage);
  }

  /** Ends the scope: `owned` stay with their new owner, and all else is left to the scope around this one. */
  handOver(owned: ReadonlySet<Freeable>): void {
    scopes.splice(scopes.indexOf(this), 1);
    const outer = currentScope();
    for (const storage of this.#tracked) if (!owned.has(storage)) outer?.track(storage);
    this.#tracked.clear();
  }

  [Symbol.dispose](): void {
    if (!scopes.includes(this)) return;
    scopes.splice(scopes.indexOf(this), 1);
    for (const storage of this.#tracked) storage.free();
    this.#tracked.clear();
  }
}
