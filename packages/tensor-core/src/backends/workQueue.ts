import type { LorikeetError } from '../errors.ts';

/** Runs tasks one after the other, in the order in which they came. A task that fails does not hold up the next. */
export class WorkQueue {
  #tail: Promise<void> = Promise.resolve();
  #failure: LorikeetError | undefined;

  /** @param fail what is told if the task fails, already as a typed error. */
  add(task: () => void | Promise<void>, fail: (error: unknown) => LorikeetError): void {
    this.#tail = this.#tail.then(task).catch((error: unknown) => {
      this.#failure = fail(error);
    });
  }

  /** Waits for all that is in the queue now. */
  async settled(): Promise<void> {
    await this.#tail;
  }

  /** Waits, and throws what failed since the last time. */
  async synchronize(): Promise<void> {
    await this.#tail;
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }
}
