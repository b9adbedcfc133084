import { type Context, Conv1D, Convolution, Embedding, Linear, type Site } from '@lorikeet/nn';
import { type Draw, type Tensor, tensor } from '@lorikeet/tensor-core';
import { noise } from '../noise.ts';

/** A module with a weight to adapt, and something to call it with. */
export interface Part {
  readonly module: Linear | Conv1D | Embedding | Convolution;
  /** Floating point, but for an embedding, which takes rows. */
  readonly input: Tensor;
}

/** A model of two parts at different depths, and one that nothing adapts. */
export class Probe {
  readonly first: Part['module'];
  readonly rest: readonly [{ readonly second: Part['module']; readonly untouched: Linear }];

  constructor(first: Part['module'], second: Part['module'], untouched: Linear) {
    this.first = first;
    this.rest = [{ second, untouched }];
  }

  /** The outputs of the parts, one after the other. */
  call(inputs: readonly Tensor[], context: Context): Tensor[] {
    const [{ second, untouched }] = this.rest;
    const modules = [this.first, second, untouched];
    return modules.map((module, i) =>
      module.call(inputs[i] ?? inputs[0] ?? numbers([1]), context.child(i)),
    );
  }
}

/** Paths of what is adapted. */
export const probePaths = ['first', 'rest.0.second'] as const;

/**
 * A probe in f64 whose parts are of the given kinds, with inputs.
 *
 * @param needsBias whether every part must have a bias, which an embedding never has.
 */
export function drawProbe(
  draw: Draw,
  kinds: readonly Site['kind'][],
  needsBias = false,
): { model: Probe; inputs: readonly Tensor[] } {
  const allowed = needsBias ? kinds.filter((kind) => kind !== 'embedding') : kinds;
  const first = drawPart(draw, draw.pick(allowed), { seed: 1, needsBias });
  const second = drawPart(draw, draw.pick(allowed), { seed: 2, needsBias });
  const untouched = new Linear(numbers([2, 2], 7), numbers([2], 8));
  return {
    model: new Probe(first.module, second.module, untouched),
    inputs: [first.input, second.input, numbers([1, 2], 9)],
  };
}

function drawPart(
  draw: Draw,
  kind: Site['kind'],
  { seed, needsBias }: { readonly seed: number; readonly needsBias: boolean },
): Part {
  const [out, inputs] = [draw.integer(1, 4), draw.integer(1, 4)];
  const bias = needsBias || draw.boolean() ? numbers([out], seed + 20) : null;
  if (kind === 'embedding') {
    const ids = Int32Array.from({ length: 5 }, (_, i) => (3 * i + 1) % inputs);
    return {
      module: new Embedding(numbers([inputs, out], seed)),
      input: tensor(ids, [1, 5], 'i32'),
    };
  }
  if (kind === 'conv') {
    const kernel = draw.pick([[1], [2], [2, 1]]);
    const sides = kernel.map(() => 3);
    const options = { stride: draw.integer(1, 2), padding: draw.integer(0, 1) };
    return {
      module: new Convolution(numbers([out, inputs, ...kernel], seed), bias, options),
      input: numbers([2, inputs, ...sides], seed + 10),
    };
  }
  const input = numbers(draw.pick([[3], [2, 2]]).concat(inputs), seed + 10);
  if (draw.boolean()) return { module: new Linear(numbers([out, inputs], seed), bias), input };
  return { module: new Conv1D(numbers([inputs, out], seed), numbers([out], seed + 20)), input };
}

/** A tensor of `noise`, f64. */
export function numbers(shape: readonly number[], seed = 0): Tensor {
  const size = shape.reduce((product, side) => product * side, 1);
  return tensor(Float64Array.from(noise(seed, size)), shape, 'f64');
}
