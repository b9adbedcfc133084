import { Context, mapTree } from '@lorikeet/nn';
import {
  type Draw,
  isFloat,
  randomKey,
  type Shape,
  sizeOf,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { fastCheckDraw } from '../fastCheckDraw.ts';
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

/** What the laws draw modules from, and inputs for them. */
export interface ModuleSource<M extends CallableModule> {
  /** A module, drawn: its sizes may vary. */
  readonly make: (draw: Draw) => M;
  /** Shape of an input for the module; the first axis is the batch. */
  readonly input: (draw: Draw, module: M) => Shape;
  /** Indices below this instead of numbers, for a module that looks up rows. */
  readonly indicesBelow?: (module: M) => number;
}

/** Modules in f64, with inputs for them. */
export function moduleCases<M extends CallableModule>({
  make,
  input,
  indicesBelow,
}: ModuleSource<M>): fc.Arbitrary<ModuleCase<M>> {
  return fc.gen().map((gen) => {
    const draw = fastCheckDraw(gen);
    const module = mapTree(make(draw), (leaf) => (isFloat(leaf.dtype) ? leaf.cast('f64') : leaf));
    const shape = input(draw, module);
    const bound = indicesBelow?.(module);
    const x = bound === undefined ? noiseTensor(shape, 3) : indices(shape, bound);
    const shown = (): string => `${module.constructor.name} ${fc.stringify(module)} of ${x}`;
    return { module, x, [fc.toStringMethod]: shown };
  });
}

function indices(shape: Shape, bound: number): Tensor {
  const values = Int32Array.from({ length: sizeOf(shape) }, (_, i) => (7 * i + 1) % bound);
  return tensor(values, shape, 'i32');
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
