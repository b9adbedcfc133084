import type { LorikeetError } from '../../../errors.ts';

/** A run whose faults are not known yet: the device notes an index that lies outside, and goes on. */
export class RunRecord {
  #failure: LorikeetError | undefined;
  #parents: readonly RunRecord[];
  #faults: Promise<LorikeetError | undefined> | undefined;

  /** @param parents the runs that made what it was given. */
  constructor(
    parents: readonly RunRecord[],
    faults: Promise<LorikeetError | undefined> | undefined,
  ) {
    this.#parents = parents;
    this.#faults = faults;
  }

  /** What went wrong in this run or in one before that it depends on. */
  async settled(): Promise<LorikeetError | undefined> {
    for (const parent of this.#parents) this.#failure ??= await parent.settled();
    this.#parents = [];
    this.#failure ??= await this.#faults;
    this.#faults = undefined;
    return this.#failure;
  }
}
