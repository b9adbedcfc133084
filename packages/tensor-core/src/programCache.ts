import type { Buffer } from './backend.ts';
import { identityOf } from './identity.ts';
import { LruCache } from './lruCache.ts';
import type { Program } from './program.ts';
import { programKey } from './programKey.ts';

/**
 * What a backend has made of programs: the same for the same text, constants and donated inputs. It forgets what was
 * used longest ago, and what reads a buffer that is freed.
 */
export class ProgramCache<Work> {
  readonly #made: LruCache<Work>;
  /** By a buffer, the keys of what reads it as a constant. */
  readonly #readers = new WeakMap<Buffer, string[]>();

  constructor(capacity: number) {
    this.#made = new LruCache(capacity);
  }

  get(
    program: Program,
    constants: readonly Buffer[],
    donated: readonly number[],
    make: () => Work,
  ): Work {
    const key = `${programKey(program)} ${constants.map(identityOf).join(' ')} ${donated.join()}`;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const work = make();
    this.#made.set(key, work);
    for (const constant of constants)
      this.#readers.set(constant, [...(this.#readers.get(constant) ?? []), key]);
    return work;
  }

  /** Lets go of all that reads a buffer. */
  forget(buffer: Buffer): void {
    for (const key of this.#readers.get(buffer) ?? []) this.#made.delete(key);
    this.#readers.delete(buffer);
  }

  values(): Iterable<Work> {
    return this.#made.values();
  }
}
