import {
  type Context,
  Conv1D,
  Convolution,
  Embedding,
  ExpertLinear,
  LayerNorm,
  Linear,
  RMSNorm,
  type Site,
} from '@lorikeet/nn';
import { type Draw, type Tensor, tensor } from '@lorikeet/tensor-core';
import { noiseTensor } from '../noise.ts';

/** A module with a weight that can be adapted. */
export type Part = Linear | Conv1D | Embedding | Convolution | LayerNorm | RMSNorm | ExpertLinear;

const kindsOfPart = [Linear, Conv1D, Embedding, Convolution, LayerNorm, RMSNorm, ExpertLinear];

export function isPart(value: unknown): value is Part {
  return kindsOfPart.some((kind) => value instanceof kind);
}

/** The output of a module for its input. */
export function callPart(part: Part, input: Tensor, context: Context): Tensor {
  return part instanceof LayerNorm || part instanceof RMSNorm
    ? part.call(input)
    : part.call(input, context);
}

export interface PartOptions {
  readonly seed: number;
  readonly needsBias: boolean;
  /** From which those of the weight are drawn. */
  readonly sides: readonly number[];
}

/** A module of a kind, with an input for it. */
export function drawPart(
  draw: Draw,
  kind: Site['kind'],
  { seed, needsBias, sides }: PartOptions,
): { readonly module: Part; readonly input: Tensor } {
  const [out, inputs] = [draw.pick(sides), draw.pick(sides)];
  const hasBias = needsBias || draw.boolean();
  const bias = hasBias ? noiseTensor([out], seed + 20) : null;
  if (kind === 'embedding') {
    const ids = Int32Array.from({ length: 5 }, (_, i) => (i + 1) % inputs);
    return {
      module: new Embedding(noiseTensor([inputs, out], seed)),
      input: tensor(ids, [1, 5], 'i32'),
    };
  }
  if (kind === 'norm') {
    // One feature alone is normalised to nothing.
    const features = out + 1;
    const input = noiseTensor([2, 3, features], seed + 10);
    const weight = noiseTensor([features], seed);
    return hasBias
      ? { module: new LayerNorm(weight, noiseTensor([features], seed + 20), 0.1), input }
      : { module: new RMSNorm(weight, 0.1), input };
  }
  if (kind === 'conv') {
    const kernel = draw.pick([[1], [2], [2, 1]]);
    const sides = kernel.map(() => 3);
    const options = {
      stride: draw.integer(1, 2),
      padding: draw.integer(0, 1),
      dilation: draw.integer(1, 2),
      groups: draw.pick([1, 2].filter((groups) => out % groups === 0)),
    };
    return {
      module: new Convolution(noiseTensor([out, inputs, ...kernel], seed), bias, options),
      input: noiseTensor([2, inputs * options.groups, ...sides], seed + 10),
    };
  }
  if (kind === 'experts') {
    const [experts, axis] = [draw.integer(1, 3), draw.pick([0, 1] as const)];
    const matrix = axis === 1 ? [out, inputs] : [inputs, out];
    const each = hasBias ? noiseTensor([experts, out], seed + 20) : null;
    return {
      module: new ExpertLinear(noiseTensor([experts, ...matrix], seed), each, axis),
      input: noiseTensor([experts, 2, inputs], seed + 10),
    };
  }
  const input = noiseTensor([...draw.pick([[3], [2, 2]]), inputs], seed + 10);
  return draw.boolean()
    ? { module: new Linear(noiseTensor([out, inputs], seed), bias), input }
    : {
        module: new Conv1D(noiseTensor([inputs, out], seed), noiseTensor([out], seed + 20)),
        input,
      };
}
