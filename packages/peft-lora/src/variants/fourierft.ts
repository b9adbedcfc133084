import { add, cast, inverseFourier, mul, type Tensor } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { entriesOf } from '../entriesOf.ts';
import { parameterOf } from '../parameterOf.ts';
import { asExactAs, isWholeSmaller, sparseProduct } from '../sparseUpdate.ts';
import { cosineSum } from '../spectral/cosineSum.ts';
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
import { type Method, method, type Variant } from '../variant.ts';

/** Without options it starts from random entries. */
export type FourierftConfig = SpectralConfig;

export type FourierftOptions = Partial<FourierftConfig> & TargetOptions;

export const fourierftVariant: Variant<FourierftConfig> = {
  name: 'fourierft',
  paper: 'Gao et al. 2024, https://arxiv.org/abs/2405.03003',
  schema: z.strictObject(spectralFields({ frequencies: 1000, scaling: 150, initWeights: false })),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: ({ frequencies }) => 2 * frequencies,
    isRandomAtInit: ({ initWeights }) => !initWeights,
    isStochastic: () => false,
    parameterCount: ({ frequencies }) => frequencies,
  },
  sample: sampleSpectral,
  refusal: spectralRefusal,
  peft: {
    type: 'FOURIERFT',
    inactive: spectralPlacement,
    keys: () => ({ spectrum: 'fourierft_spectrum' }),
  },

  configAt: spectralConfigAt,
  init: ({ config, key }) => firstSpectrum(config, key),
  frozen: ({ shape, config }) => chosenEntries(config, shape),

  materialize({ base, shape, config, parameters, frozen }) {
    const scale = config.scaling / (shape.out * shape.in);
    const entries = asExactAs(base(), entriesOf(parameterOf(parameters, 'spectrum'), frozen));
    const scaled = { ...entries, values: mul(entries.values, scale) };
    return add(base(), cosineSum(scaled, [shape.out, shape.in]));
  },

  isWholeSooner: ({ config, shape, rows }) => isWholeSmaller(config.frequencies, rows, shape),

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
