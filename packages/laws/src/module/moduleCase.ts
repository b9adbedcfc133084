import { Context, mapTree } from '@lorikeet/nn';
import {
  type Draw,
  evaluate,
  isFloat,
  randomKey,
  type Shape,
  sizeOf,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { noiseTensor } from '../noise.ts';

/** A module whose `call` takes one tensor. */
export interface CallableModule {
  call(x: Tensor, context: Context): Tensor;
}

/** A module and something to call it with. */
export interface ModuleCase<M extends CallableModule> {
  readonly module: M;
  readonly x: Tensor;
}

/** Draws a module, in f64, and an input for it. */
export async function drawModule<M extends CallableModule>(
  {
    make,
    input,
    indicesBelow,
  }: {
    readonly make: (draw: Draw) => M;
    readonly input: (draw: Draw, module: M) => Shape;
    readonly indicesBelow?: (module: M) => number;
  },
  draw: Draw,
): Promise<ModuleCase<M>> {
  const module = await evaluate(
    mapTree(make(draw), (leaf) => (isFloat(leaf.dtype) ? leaf.cast('f64') : leaf)),
  );
  const shape = input(draw, module);
  const bound = indicesBelow?.(module);
  if (bound === undefined) return { module, x: noiseTensor(shape, 3) };
  const indices = Int32Array.from({ length: sizeOf(shape) }, (_, i) => (7 * i + 1) % bound);
  return { module, x: tensor(indices, shape, 'i32') };
}

/** How to call a module: for evaluation, or for training with the key of a seed. */
export function contextOf(seed: number | undefined): Context {
  return seed === undefined ? Context.evaluation : Context.training(randomKey(seed));
}

/** The elements of a module's output, in evaluation or in training with the key of a seed. */
export async function outputOf(
  module: CallableModule,
  x: Tensor,
  seed?: number,
): Promise<readonly number[]> {
  return [...(await module.call(x, contextOf(seed)).data())];
}
