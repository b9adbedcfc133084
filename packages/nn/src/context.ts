import { dropout, foldIn, namedScope, type Tensor } from '@lorikeet/tensor-core';

/**
 * How a model is called: for evaluation, or for training with a key that all its randomness comes from.
 *
 * Every module calls its parts with `context.call`, so that no two share random numbers, and errors tell where
 * in the model they arose.
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

  /**
   * The result of a part of a module for `inputs`, in the part's own context.
   *
   * @param label the field or index under which the module holds the part; errors within tell it.
   */
  call<Inputs extends readonly unknown[], Out>(
    label: string | number,
    part: { call(...inputs: [...Inputs, Context]): Out },
    ...inputs: Inputs
  ): Out;
  call<Inputs extends readonly unknown[], Out>(
    label: string | number,
    part: { call(...inputs: Inputs): Out },
    ...inputs: Inputs
  ): Out;
  call<Out>(
    label: string | number,
    part: { call(...inputs: readonly unknown[]): Out },
    ...inputs: readonly unknown[]
  ): Out {
    return namedScope(label, () => part.call(...inputs, this.child(label)));
  }

  /** `x` with elements dropped at `rate`, in training; in evaluation `x` itself. */
  dropout(x: Tensor, rate: number): Tensor {
    return this.key === undefined ? x : dropout(x, rate, this.key);
  }
}
