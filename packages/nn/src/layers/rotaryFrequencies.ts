import { LorikeetError } from '@lorikeet/tensor-core';
import { type RotaryScaling, type RotaryStretch, scaleFrequencies } from './rotaryScaling.ts';

export interface RotaryConfig {
  /** How many numbers of a head turn: `head_dim`, or a part of it. */
  readonly dimension: number;
  /** `rope_theta` of the config. Defaults to 10000. */
  readonly theta?: number;
  /** What stretches positions for a longer context (`rope_scaling`). */
  readonly scaling?: RotaryScaling | undefined;
}

/** How fast pairs of numbers turn with the position; plain numbers, so that they are no parameters of a model. */
export interface RotaryFrequencies {
  /** Of each pair, in radians a position. */
  readonly inverse: readonly number[];
  /** What cosine and sine are multiplied with: 1 unless a kind of scaling asks for more. */
  readonly magnitude: number;
  /** How they change with the length of the text, if they do. */
  readonly stretch?: RotaryStretch;
}

/**
 * The frequencies of a config: `theta^(-2i / dimension)`, and what stretches them. Su et al. 2021.
 *
 * @throws LorikeetError `invalid-argument` for an odd dimension.
 */
export function rotaryFrequencies({
  dimension,
  theta = 10_000,
  scaling,
}: RotaryConfig): RotaryFrequencies {
  if (!Number.isInteger(dimension / 2)) {
    throw new LorikeetError('invalid-argument', `rotaryFrequencies: ${dimension} makes no pairs`, {
      expected: 'an even dimension',
      received: String(dimension),
    });
  }
  const inverse = Array.from({ length: dimension / 2 }, (_, i) => theta ** ((-2 * i) / dimension));
  return scaling === undefined
    ? { inverse, magnitude: 1 }
    : scaleFrequencies(inverse, theta, scaling);
}
