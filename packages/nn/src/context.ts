import { dropout, foldIn, type Tensor } from '@lorikeet/tensor-core';

/**
 * How a model is called: for evaluation, or for training with a key that all its randomness comes from.
 *
 * Every module passes a child of its context to each of its parts, so that no two share random numbers.
 */
export class Context {
  /** No dropout, no randomness. */
  static readonly evaluation: Context = new Context(undefined);

  readonly key: Tensor | undefined;

  private constructor(key: Tensor | undefined) {
    this.key = key;
  }

  /** @param key u32[2]; another one for every step. */
  static training(key: Tensor): Context {
    return new Context(key);
  }

  get isTraining(): boolean {
    return this.key !== undefined;
  }

  /** The context of a part, told apart by its field name or index. */
  child(label: string | number): Context {
    return this.key === undefined ? this : new Context(foldIn(this.key, label));
  }

  /** `x` with elements dropped at `rate`, in training; in evaluation `x` itself. */
  dropout(x: Tensor, rate: number): Tensor {
    return this.key === undefined ? x : dropout(x, rate, this.key);
  }
}
