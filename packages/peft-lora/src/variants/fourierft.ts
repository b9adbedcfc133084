import {
  add,
  cast,
  inverseFourier,
  mul,
  normal,
  swapAxes,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { entriesOf } from '../entriesOf.ts';
import { parameterOf } from '../parameterOf.ts';
import { denseOf, sparseProduct } from '../sparseUpdate.ts';
import { type TargetOptions, valueForPath } from '../target.ts';
import { seededEntries } from '../torch/seededEntries.ts';
import { type Method, method, peftField, type Variant } from '../variant.ts';

export interface FourierftConfig {
  /** Entries of the spectrum that train. */
  readonly frequencies: number;
  /** The update is scaled by this. */
  readonly scaling: number;
  /** Seed by which the entries are chosen: PyTorch's generator on a CPU, so that PEFT chooses the same. */
  readonly locationSeed: number;
  /** Starts as the base; else the entries are random. */
  readonly initWeights: boolean;
  /** Other numbers of entries for modules whose path ends in a match of the regular expression. */
  readonly frequencyPattern: Readonly<Record<string, number>>;
}

export type FourierftOptions = Partial<FourierftConfig> & TargetOptions;

const count = z.int().positive();

export const fourierftVariant: Variant<FourierftConfig> = {
  name: 'fourierft',
  paper: 'Gao et al. 2024, https://arxiv.org/abs/2405.03003',
  schema: z.strictObject({
    frequencies: peftField(count.default(1000), 'n_frequency', 'frequencyPattern'),
    scaling: peftField(z.number().default(150), 'scaling'),
    locationSeed: peftField(z.int().min(0).default(777), 'random_loc_seed'),
    initWeights: peftField(z.boolean().default(false), 'init_weights'),
    frequencyPattern: peftField(z.record(z.string(), count).default({}), 'n_frequency_pattern'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: ({ frequencies }) => 2 * frequencies,
    isRandomAtInit: ({ initWeights }) => !initWeights,
    isStochastic: () => false,
    parameterCount: ({ frequencies }) => frequencies,
  },
  sample: (draw) => ({
    frequencies: draw.integer(1, 3),
    scaling: draw.pick([0.5, 2, 30]),
    locationSeed: draw.integer(0, 5),
    initWeights: draw.boolean(),
    frequencyPattern: draw.boolean() ? {} : { first: draw.integer(1, 2) },
  }),
  refusal: ({ frequencies }, shape) =>
    frequencies <= shape.in * shape.out
      ? undefined
      : `${frequencies} frequencies are more than a weight of ${shape.out} by ${shape.in} has`,
  peft: {
    type: 'FOURIERFT',
    inactive: {
      bias: 'none',
      exclude_modules: null,
      fan_in_fan_out: false,
      layers_pattern: null,
      layers_to_transform: null,
    },
    keys: () => ({ spectrum: 'fourierft_spectrum' }),
  },

  configAt: (config, path) => ({
    ...config,
    frequencies: valueForPath(config.frequencyPattern, path) ?? config.frequencies,
  }),

  init: ({ config: { frequencies, initWeights }, key }) => ({
    spectrum: initWeights ? zeros([frequencies]) : normal(key, [frequencies]),
  }),

  frozen: ({ shape, config: { frequencies, locationSeed } }) => ({
    indices: seededEntries(shape, { count: frequencies, seed: locationSeed }),
  }),

  materialize({ base, shape, config, parameters, frozen }) {
    const entries = entriesOf(parameterOf(parameters, 'spectrum'), frozen);
    const along = inverseFourier({ re: denseOf(entries, [shape.out, shape.in]) });
    const across = inverseFourier({ re: swapAxes(along.re), im: swapAxes(along.im) }); // [in, out]
    return add(base(), mul(swapAxes(across.re), config.scaling));
  },

  // The transform of x at the chosen columns, each scaled and put into its row, and transformed again.
  contract(x, { shape, config, parameters, frozen, product }) {
    const entries = entriesOf(parameterOf(parameters, 'spectrum'), frozen);
    const turned = inverseFourier({ re: x }, { normalize: false }); // [..., in]
    const place = (part: Tensor): Tensor => sparseProduct(entries, part, shape.out); // [..., out]
    const { re } = inverseFourier({ re: place(turned.re), im: place(turned.im) });
    return add(product(x), cast(mul(re, config.scaling / shape.in), x.dtype)); // [..., out]
  },
};

/** Fourier fine-tuning: the weight plus the real part of the inverse Fourier transform of a few trained entries. */
export function fourierft(options: FourierftOptions = {}): Method<FourierftConfig> {
  return method(fourierftVariant, options);
}
