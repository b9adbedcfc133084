import { checkpoint, dropout, foldIn, namedScope, type Tensor } from '@lorikeet/tensor-core';

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
  readonly #checkpointsLayers: boolean;

  private constructor(key: Tensor | undefined, checkpointsLayers = false) {
    this.key = key;
    this.#checkpointsLayers = checkpointsLayers;
  }

  /**
   * @param key u32[2]; another one for every step.
   * @param options `checkpoint`: the derivative keeps nothing of what is computed within the layers of a model, which are
   *   the parts that it holds in lists, but computes it again. The same values from less memory in more time.
   */
  static training(key: Tensor, options: { readonly checkpoint?: boolean } = {}): Context {
    return new Context(key, options.checkpoint);
  }

  get isTraining(): boolean {
    return this.key !== undefined;
  }

  /** The context of a part, told apart by its field name or index. */
  child(label: string | number): Context {
    if (this.key === undefined) return this;
    // What is within a layer is computed again with it.
    return new Context(foldIn(this.key, label), this.#checkpointsLayers && !isLayer(label));
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
    const call = (): Out => part.call(...inputs, this.child(label));
    return namedScope(label, this.#checkpointsLayers && isLayer(label) ? checkpoint(call) : call);
  }

  /** `x` with elements dropped at `rate`, in training; in evaluation `x` itself. */
  dropout(x: Tensor, rate: number): Tensor {
    return this.key === undefined ? x : dropout(x, rate, this.key);
  }
}

/** A part that stands in a list goes by its index, as `layer.3`. */
function isLayer(label: string | number): boolean {
  return typeof label === 'number' || /(^|\.)\d+$/.test(label);
}
