import { type Draw, normal, type Tensor, zeros } from '@lorikeet/tensor-core';
import { z } from 'zod';
import type { SiteShape } from '../siteShape.ts';
import { valueForPath } from '../target.ts';
import { seededEntries } from '../torch/seededEntries.ts';
import { peftField, type Tensors } from '../variant.ts';

/** What methods have in common that train a few entries of a transform of the update. */
export interface SpectralConfig {
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

const count = z.int().positive();

/** The fields of a schema, with the defaults in which the methods differ. */
export function spectralFields(
  defaults: Pick<SpectralConfig, 'frequencies' | 'scaling' | 'initWeights'>,
): Record<keyof SpectralConfig, z.ZodType> {
  return {
    frequencies: peftField(count.default(defaults.frequencies), 'n_frequency', 'frequencyPattern'),
    scaling: peftField(z.number().default(defaults.scaling), 'scaling'),
    locationSeed: peftField(z.int().min(0).default(777), 'random_loc_seed'),
    initWeights: peftField(z.boolean().default(defaults.initWeights), 'init_weights'),
    frequencyPattern: peftField(z.record(z.string(), count).default({}), 'n_frequency_pattern'),
  };
}

/** The keys of PEFT's config that say where the method is put. */
export const spectralPlacement = {
  bias: 'none',
  exclude_modules: null,
  fan_in_fan_out: false,
  layers_pattern: null,
  layers_to_transform: null,
} as const;

/** Hint for `adapterLaws`. */
export function sampleSpectral(draw: Draw): SpectralConfig {
  return {
    frequencies: draw.integer(1, 3),
    scaling: draw.pick([0.5, 2, 30]),
    locationSeed: draw.integer(0, 5),
    initWeights: draw.boolean(),
    frequencyPattern: draw.boolean() ? {} : { first: draw.integer(1, 2) },
  };
}

export function spectralConfigAt<C extends SpectralConfig>(config: C, path: string): C {
  const frequencies = valueForPath(config.frequencyPattern, path) ?? config.frequencies;
  return { ...config, frequencies };
}

export function spectralRefusal(
  { frequencies }: SpectralConfig,
  { in: inputs, out }: SiteShape,
): string | undefined {
  return frequencies <= inputs * out
    ? undefined
    : `${frequencies} frequencies are more than a weight of ${out} by ${inputs} has`;
}

/** The first values: [n]. */
export function firstSpectrum(
  { frequencies, initWeights }: SpectralConfig,
  key: Tensor,
  deviation = 1,
): Tensors {
  const spectrum = initWeights ? zeros([frequencies]) : normal(key, [frequencies], 0, deviation);
  return { spectrum };
}

/** Where the entries are: i32 [2, n]. */
export function chosenEntries(
  { frequencies, locationSeed }: SpectralConfig,
  shape: SiteShape,
): Tensors {
  return { indices: seededEntries(shape, { count: frequencies, seed: locationSeed }) };
}
