import {
  add,
  cast,
  einsum,
  fourier,
  gather,
  inverseFourier,
  iota,
  mod,
  mul,
  normal,
  permute,
  reshape,
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
    const place = mod(add(sub(iota([b, b], 1), iota([b, b], 0)), b), b); // column - row
    const blocks = gather(parameterOf(parameters, 'kernel'), place, -1); // [out / b, in / b, b, b]
    const update = reshape(permute(blocks, [0, 2, 1, 3]), [shape.out, shape.in]);
    return add(base(), mul(update, 1 / shape.in));
  },

  // Blocks multiply elementwise after a Fourier transform.
  contract(x, { shape, config: { blockSize: b }, parameters, product }) {
    const blocks = inverseFourier({ re: reshape(x, [-1, shape.in / b, b]) });
    const kernel = fourier({ re: parameterOf(parameters, 'kernel') });
    const times = (a: Tensor, k: Tensor): Tensor => einsum('tnb,mnb->tmb', a, k);
    const { re } = fourier({
      re: sub(times(blocks.re, kernel.re), times(blocks.im, kernel.im)),
      im: add(times(blocks.re, kernel.im), times(blocks.im, kernel.re)),
    });
    const update = reshape(mul(re, 1 / shape.in), [...x.shape.slice(0, -1), shape.out]);
    return add(product(x), cast(update, x.dtype));
  },
};

/** Circular convolution adaptation: the weight plus blocks that are circulant, each given by its first row. */
export function c3a(options: C3aOptions = {}): Method<C3aConfig> {
  return method(c3aVariant, options);
}
