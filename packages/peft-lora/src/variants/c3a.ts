import {
  add,
  broadcastTo,
  cast,
  einsum,
  expandDims,
  fourier,
  gather,
  inverseFourier,
  iota,
  mod,
  mul,
  normal,
  permute,
  promote,
  reshape,
  sliceAxis,
  stopGradient,
  sub,
  type Tensor,
  uniform,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { parameterOf } from '../parameterOf.ts';
import { type TargetOptions, valueForPath } from '../target.ts';
import { type Method, method, peftField, type Variant } from '../variant.ts';

export interface C3aConfig {
  /** Side of the circulant blocks, which must divide both sides of the weight. */
  readonly blockSize: number;
  /** Starts as the base; else how the kernels are drawn. False is `xavier_uniform`. */
  readonly initWeights: boolean | 'gaussian' | 'kaiming_uniform' | 'xavier_uniform';
  /** Other sides for modules whose path ends in a match of the regular expression. */
  readonly blockSizePattern: Readonly<Record<string, number>>;
}

export type C3aOptions = Partial<C3aConfig> & TargetOptions;

const side = z.int().positive();

export const c3aVariant: Variant<C3aConfig> = {
  name: 'c3a',
  paper: 'Chen et al. 2024, https://arxiv.org/abs/2407.19342',
  schema: z.strictObject({
    blockSize: peftField(side.default(256), 'block_size', 'blockSizePattern'),
    initWeights: peftField(
      z
        .literal([true, false, 'gaussian', 'kaiming_uniform', 'xavier_uniform'])
        .default('xavier_uniform'),
      'init_weights',
    ),
    blockSizePattern: peftField(z.record(z.string(), side).default({}), 'block_size_pattern'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights === true,
    maxRank: () => undefined,
    isRandomAtInit: ({ initWeights }) => initWeights !== true,
    isStochastic: () => false,
    parameterCount: ({ blockSize }, shape) => (shape.in * shape.out) / blockSize,
  },
  sample: (draw) => ({
    blockSize: draw.pick([1, 2, 3]),
    initWeights: draw.pick([true, false, 'gaussian', 'kaiming_uniform', 'xavier_uniform']),
    blockSizePattern: draw.boolean() ? {} : { first: draw.pick([1, 3]) },
  }),
  sides: [3, 6],
  refusal: ({ blockSize }, shape) =>
    shape.in % blockSize === 0 && shape.out % blockSize === 0
      ? undefined
      : `blocks of ${blockSize} do not divide a weight of ${shape.out} by ${shape.in}`,
  peft: {
    type: 'C3A',
    inactive: { bias: 'none', layers_pattern: null, layers_to_transform: null },
    keys: () => ({ kernel: 'c3a_kernel' }),
  },

  configAt: (config, path) => ({
    ...config,
    blockSize: valueForPath(config.blockSizePattern, path) ?? config.blockSize,
  }),

  init({ shape, config: { blockSize, initWeights }, key }) {
    const sides = [shape.out / blockSize, shape.in / blockSize, blockSize];
    if (initWeights === true) return { kernel: zeros(sides) };
    if (initWeights === 'gaussian') return { kernel: normal(key, sides) };
    const isXavier = initWeights !== 'kaiming_uniform';
    const bound = Math.sqrt(isXavier ? 6 / (shape.in + shape.out) : 1 / shape.in);
    return { kernel: uniform(key, sides, -bound, bound) };
  },

  materialize({ base, shape, config: { blockSize: b }, parameters }) {
    // Read 2 b - 1 at a time from one repeated row, each row starts one element earlier in it than the one above.
    const kernel = parameterOf(parameters, 'kernel');
    const sides = kernel.shape.slice(0, 2);
    const repeated = reshape(broadcastTo(expandDims(kernel, 2), [...sides, 2 * b, b]), [
      ...sides,
      -1,
    ]);
    const lines = reshape(sliceAxis(repeated, 2, 0, b * (2 * b - 1)), [...sides, b, 2 * b - 1]);
    const blocks = sliceAxis(lines, 3, 0, b); // [out / b, in / b, b, b]
    const update = reshape(permute(blocks, [0, 2, 1, 3]), [shape.out, shape.in]);
    const weight = base();
    const exact = cast(update, promote(weight.dtype, update.dtype));
    return add(weight, mul(exact, 1 / shape.in));
  },

  // Transforms take b products for each element of x; PEFT's wrong derivative is that of its products alone.
  isWholeSooner: ({ config: { blockSize }, shape, rows, compat }) =>
    compat !== 'peft' && rows * blockSize > 16 * shape.out,

  contract(x, { shape, config: { blockSize: b }, parameters, product, compat }) {
    const blocks = reshape(x, [-1, shape.in / b, b]);
    const kernel = parameterOf(parameters, 'kernel');
    const convolved =
      compat === 'peft' ? convolveAsPeft(blocks, kernel) : circularProduct(blocks, kernel);
    const update = reshape(mul(convolved, 1 / shape.in), [...x.shape.slice(0, -1), shape.out]);
    return add(product(x), cast(update, x.dtype));
  },
};

/**
 * The product with circulant blocks: elementwise, after a Fourier transform.
 *
 * @param blocks [T, in / b, b]
 * @param kernel [out / b, in / b, b]
 * @returns [T, out / b, b]
 */
function circularProduct(blocks: Tensor, kernel: Tensor): Tensor {
  const [x, k] = [inverseFourier({ re: blocks }), fourier({ re: kernel })];
  const times = (a: Tensor, b: Tensor): Tensor => einsum('tnb,mnb->tmb', a, b);
  return fourier({
    re: sub(times(x.re, k.re), times(x.im, k.im)),
    im: add(times(x.re, k.im), times(x.im, k.re)),
  }).re;
}

/** The same value; the derivative by the input is PEFT's, that for a derivative of the result read backwards. */
function convolveAsPeft(blocks: Tensor, kernel: Tensor): Tensor {
  const side = kernel.shape[2] ?? 1;
  const backwards = mod(sub(side, iota([side])), side);
  const value = circularProduct(stopGradient(blocks), kernel);
  const turned = gather(circularProduct(blocks, stopGradient(kernel)), backwards, -1);
  return add(value, sub(turned, stopGradient(turned)));
}

/**
 * Circular convolution adaptation: the weight plus blocks that are circulant, each given by its first row.
 *
 * PEFT's derivative by the input is wrong: it reads the derivative of the result backwards within each block. `compat`
 * gives that; the values are the same.
 */
export function c3a(options: C3aOptions = {}): Method<C3aConfig> {
  return method(c3aVariant, options);
}
