import {
  add,
  cast,
  less,
  mod,
  mul,
  notEqual,
  pad,
  slice,
  sliceAxis,
  swapAxes,
  type Tensor,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { entriesOf } from '../entriesOf.ts';
import { parameterOf } from '../parameterOf.ts';
import { roundHalfToEven } from '../roundHalfToEven.ts';
import type { SiteShape } from '../siteShape.ts';
import {
  asExactAs,
  denseOf,
  isWholeSmaller,
  type SparseEntries,
  sparseProduct,
} from '../sparseUpdate.ts';
import {
  chosenEntries,
  firstSpectrum,
  type SpectralConfig,
  sampleSpectral,
  spectralConfigAt,
  spectralFields,
  spectralPlacement,
  spectralRefusal,
} from '../spectral/spectralConfig.ts';
import type { TargetOptions } from '../target.ts';
import {
  type AdapterArguments,
  type Method,
  method,
  peftField,
  type SharingPlace,
  type Variant,
} from '../variant.ts';
import { coif4OfPeft, lowPassFilters, type WaveletFamily } from '../wavelets/lowPassFilters.ts';
import { inverseWavelet, wavelet } from '../wavelets/wavelet.ts';

/** Without options it starts as the base. */
export interface WaveftConfig extends SpectralConfig {
  /** Whether the entries are of wavelets; else of the weight itself. */
  readonly useIdwt: boolean;
  /** Which wavelets. */
  readonly waveletFamily: WaveletFamily;
  /** Shares the entries of all places together out by the sizes of the weights; then the pattern does not count. */
  readonly proportionalParameters: boolean;
}

export type WaveftOptions = Partial<WaveftConfig> & TargetOptions;

const families = Object.keys(lowPassFilters);

export const waveftVariant: Variant<WaveftConfig> = {
  name: 'waveft',
  paper: 'Bilican et al. 2025, https://arxiv.org/abs/2505.12532',
  schema: z.strictObject({
    ...spectralFields({ frequencies: 2592, scaling: 25, initWeights: true }),
    useIdwt: peftField(z.boolean().default(true), 'use_idwt'),
    waveletFamily: peftField(z.enum(families).default('db1'), 'wavelet_family'),
    proportionalParameters: peftField(z.boolean().default(false), 'proportional_parameters'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: ({ frequencies }) => frequencies,
    isRandomAtInit: ({ initWeights }) => !initWeights,
    isStochastic: () => false,
    parameterCount: ({ frequencies }) => frequencies,
  },
  sample: (draw) => ({
    ...sampleSpectral(draw),
    useIdwt: draw.pick([true, true, false]),
    waveletFamily: draw.pick(['db1', 'db2', 'sym4', 'coif1', 'coif5']),
    proportionalParameters: draw.boolean(),
  }),
  sides: [2, 3, 4],
  refusal: spectralRefusal,
  peft: {
    type: 'WAVEFT',
    inactive: spectralPlacement,
    keys: () => ({ spectrum: 'waveft_spectrum' }),
  },

  configAt: (config, path) =>
    config.proportionalParameters ? config : spectralConfigAt(config, path),
  configsAmong: inProportion,
  init: ({ config, key }) => firstSpectrum(config, key, 0.01),
  frozen: ({ shape, config }) => chosenEntries(config, shape),

  materialize(args) {
    const { base, shape, config } = args;
    if (!config.useIdwt)
      return add(
        base(),
        mul(denseOf(asExactAs(base(), chosenOf(args)), [shape.out, shape.in]), config.scaling),
      );
    const filter = filterOf(args);
    const rows = inverseWavelet(
      denseOf(asExactAs(base(), waveletsOf(args)), paddedSides(shape, filter)),
      filter,
    );
    const both = swapAxes(inverseWavelet(swapAxes(rows), filter)); // of even sides
    return add(base(), mul(slice(both, [0, 0], [shape.out, shape.in]), config.scaling));
  },

  isWholeSooner: ({ config, shape, rows }) => isWholeSmaller(config.frequencies, rows, shape),

  contract(x, args) {
    const { shape, config, product } = args;
    const update = config.useIdwt
      ? throughWavelets(x, args)
      : sparseProduct(chosenOf(args), x, shape.out);
    return add(product(x), mul(update, config.scaling));
  },
};

/**
 * Wavelet fine-tuning: the weight plus the inverse wavelet transform of a few trained entries.
 *
 * In PEFT's table of `coif4` some numbers are wrong; `compat` computes with that. What it has for `coif5` fits no weight.
 */
export function waveft(options: WaveftOptions = {}): Method<WaveftConfig> {
  return method(waveftVariant, options);
}

/** The share of each place in as many entries as all places would have, by the size of its weight, as PEFT rounds it. */
function inProportion(places: readonly SharingPlace<WaveftConfig>[]): readonly WaveftConfig[] {
  const sizes = places.map(({ shape }) => shape.in * shape.out);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return places.map(({ config }, i) => {
    if (!config.proportionalParameters) return config;
    const share = (sizes[i] ?? 0) / total;
    const frequencies = Math.max(1, roundHalfToEven(share * config.frequencies * places.length));
    return { ...config, frequencies };
  });
}

function filterOf({ config, compat }: AdapterArguments<WaveftConfig>): readonly number[] {
  return compat === 'peft' && config.waveletFamily === 'coif4'
    ? coif4OfPeft
    : lowPassFilters[config.waveletFamily];
}

function chosenOf({ parameters, frozen }: AdapterArguments<WaveftConfig>): SparseEntries {
  return entriesOf(parameterOf(parameters, 'spectrum'), frozen);
}

/** The product of `x` with the update, before its scale: [..., out]. */
function throughWavelets(x: Tensor, args: AdapterArguments<WaveftConfig>): Tensor {
  const { shape } = args;
  const filter = filterOf(args);
  const [height] = paddedSides(shape, filter);
  const high = x.shape.map((_, axis) => (axis === x.rank - 1 ? shape.in % 2 : 0));
  const placed = sparseProduct(waveletsOf(args), wavelet(pad(x, { high }), filter), height);
  return sliceAxis(inverseWavelet(placed, filter), -1, 0, shape.out);
}

/** The sides of the spectrum: what the filter takes away more, and one more where that is odd. */
function paddedSides(
  { out, in: inputs }: SiteShape,
  { length }: readonly number[],
): readonly [height: number, width: number] {
  return [out + (out % 2) + length - 2, inputs + (inputs % 2) + length - 2];
}

/**
 * The entries in the order of `inverseWavelet` along both axes, in the middle of the larger spectrum. PEFT keeps
 * differences along the rows on the right and those along the columns below, where that order has them the other way round.
 */
function waveletsOf(args: AdapterArguments<WaveftConfig>): SparseEntries {
  const filter = filterOf(args);
  const { values, ...chosen } = chosenOf(args);
  const [height, width] = paddedSides(args.shape, filter);
  const margin = filter.length / 2 - 1;
  const [rows, columns] = [add(chosen.rows, margin), add(chosen.columns, margin)];
  const isMixed = cast(notEqual(less(rows, height / 2), less(columns, width / 2)), 'i32');
  const shift = (places: Tensor, side: number): Tensor =>
    mod(add(places, mul(isMixed, side / 2)), side);
  return { values, rows: shift(rows, height), columns: shift(columns, width) };
}
