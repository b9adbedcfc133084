import { byteLengthOf } from '../../../dtype.ts';
import { sizeOf } from '../../../shape.ts';
import type { AccessLog } from '../codegen/accessLog.ts';
import type { ProgramValues } from '../schedule/programValues.ts';

const none: ReadonlyMap<number, number> = new Map();

/**
 * Which results are written over donated inputs. Told of kernels from the last to the first, as they are written: when a
 * kernel is, it is known what later ones read.
 */
export class InPlacePlan {
  readonly #values: ProgramValues;
  /** Inputs that nothing is written over yet. */
  readonly #free: Set<number>;
  readonly #results: ReadonlySet<number>;
  /** Results that still need memory, and what was read by kernels behind the one that stores them or by itself. */
  readonly #waiting = new Map<number, ReadonlySet<number>>();
  readonly #read = new Set<number>();
  readonly #taken = new Map<number, number>();

  /**
   * @param donated inputs that may be overwritten.
   * @param results that may be written there.
   */
  constructor(values: ProgramValues, donated: readonly number[], results: readonly number[]) {
    this.#values = values;
    this.#free = new Set(donated);
    this.#results = new Set(results);
  }

  /** Results that the kernel stores element by element in the place of what it has read there. */
  replacements(stored: readonly number[], accesses: AccessLog): ReadonlyMap<number, number> {
    if (this.#free.size === 0) return none;
    const found = new Map<number, number>();
    for (const output of stored) {
      if (!this.#results.has(output)) continue;
      const { dtype } = this.#values.memoryType(output);
      for (const input of this.#free) {
        if (this.#read.has(input) || !this.#isSameSize(output, input)) continue;
        if (this.#values.type(input).dtype !== dtype || !accesses.reads(input)) continue;
        if (!accesses.replaces(output, input)) continue;
        found.set(output, input);
        this.#take(output, input);
        break;
      }
    }
    return found;
  }

  /** A kernel is written. */
  add(stored: readonly number[], reads: ReadonlySet<number>): void {
    if (this.#free.size === 0) return;
    for (const input of reads) if (this.#free.has(input)) this.#read.add(input);
    for (const output of stored)
      if (this.#results.has(output) && !this.#taken.has(output))
        this.#waiting.set(output, new Set(this.#read));
  }

  /** All kernels are written: results that wait get the memory of inputs that are read before they are stored, or never. */
  finish(): ReadonlyMap<number, number> {
    for (const [output, read] of this.#waiting) {
      const input = [...this.#free].find(
        (other) => !read.has(other) && this.#isSameSize(output, other),
      );
      if (input !== undefined) this.#take(output, input);
    }
    return this.#taken;
  }

  #take(output: number, input: number): void {
    this.#taken.set(output, input);
    this.#free.delete(input);
  }

  #isSameSize(output: number, input: number): boolean {
    return this.#bytesOf(output) === this.#bytesOf(input);
  }

  #bytesOf(value: number): number {
    const { dtype, shape } = this.#values.memoryType(value);
    return byteLengthOf(dtype, sizeOf(shape));
  }
}
