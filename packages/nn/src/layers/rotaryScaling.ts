/** What stretches rotary positions for texts longer than those that a model was first trained on. */
export type RotaryScaling =
  /** All positions are divided by the factor. Chen et al. 2023, https://arxiv.org/abs/2306.15595 */
  | { readonly kind: 'linear'; readonly factor: number }
  /** The base grows with the text, once that is longer than `length`. */
  | { readonly kind: 'dynamic'; readonly factor: number; readonly length: number }
  | YarnScaling
  | LongRopeScaling
  | Llama3Scaling;

/** Slow pairs are stretched and fast ones are not. Peng et al. 2023, https://arxiv.org/abs/2309.00071 */
export interface YarnScaling {
  readonly kind: 'yarn';
  readonly factor: number;
  /** Of the texts that the model was first trained on. */
  readonly length: number;
  /** What cosine and sine are multiplied with; it follows from the factor without it. */
  readonly magnitude?: number | undefined;
  /** Turns within `length` from which on a pair is fast. Defaults to 32. */
  readonly fastTurns?: number | undefined;
  /** Turns within `length` up to which a pair is slow. Defaults to 1. */
  readonly slowTurns?: number | undefined;
  /** Two weights of the logarithm of the factor, whose magnitudes are divided by each other. */
  readonly weights?: readonly [number, number] | undefined;
  /** Whether the bounds are whole pairs. Defaults to true. */
  readonly truncate?: boolean | undefined;
}

/** Each pair has a factor of its own, another one for texts longer than `length`. Ding et al. 2024, https://arxiv.org/abs/2402.13753 */
export interface LongRopeScaling {
  readonly kind: 'longrope';
  readonly short: readonly number[];
  readonly long: readonly number[];
  readonly length: number;
  /** How much longer texts may be: cosine and sine grow with it. */
  readonly factor: number;
  readonly magnitude?: number | undefined;
}

/** Long waves are stretched, short ones are not, and those between in part. Grattafiori et al. 2024, https://arxiv.org/abs/2407.21783 */
export interface Llama3Scaling {
  readonly kind: 'llama3';
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  readonly length: number;
}

/** How frequencies change with the length of a text. */
export type RotaryStretch =
  /** The base is multiplied once the text is longer than `length`. */
  | { readonly kind: 'growing'; readonly factor: number; readonly length: number }
  /** Other frequencies hold for all positions of a text longer than `length`. */
  | { readonly kind: 'other'; readonly length: number; readonly inverse: readonly number[] };

export interface ScaledFrequencies {
  readonly inverse: readonly number[];
  readonly magnitude: number;
  readonly stretch?: RotaryStretch;
}

/**
 * Frequencies stretched.
 *
 * @param inverse of each pair, in radians a position.
 */
export function scaleFrequencies(
  inverse: readonly number[],
  theta: number,
  scaling: RotaryScaling,
): ScaledFrequencies {
  switch (scaling.kind) {
    case 'linear':
      return { inverse: inverse.map((speed) => speed / scaling.factor), magnitude: 1 };
    case 'dynamic':
      return { inverse, magnitude: 1, stretch: { ...scaling, kind: 'growing' } };
    case 'yarn':
      return yarn(inverse, theta, scaling);
    case 'longrope':
      return longRope(inverse, scaling);
    case 'llama3':
      return { inverse: inverse.map((speed) => llama3(speed, scaling)), magnitude: 1 };
  }
}

function yarn(
  inverse: readonly number[],
  theta: number,
  {
    factor,
    length,
    fastTurns = 32,
    slowTurns = 1,
    truncate = true,
    weights,
    magnitude,
  }: YarnScaling,
): ScaledFrequencies {
  const dimension = 2 * inverse.length;
  // The pair that turns so often within the length.
  const pairOf = (turns: number): number =>
    (dimension * Math.log(length / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [pairOf(fastTurns), pairOf(slowTurns)];
  const low = Math.max(truncate ? Math.floor(first) : first, 0);
  const high = Math.min(truncate ? Math.ceil(last) : last, dimension - 1);
  const width = high === low ? 0.001 : high - low;
  const grown = (weight: number): number => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  return {
    inverse: inverse.map((speed, i) => {
      const stretched = Math.min(Math.max((i - low) / width, 0), 1);
      return (speed / factor) * stretched + speed * (1 - stretched);
    }),
    magnitude:
      magnitude ?? (weights === undefined ? grown(1) : grown(weights[0]) / grown(weights[1])),
  };
}

function longRope(
  inverse: readonly number[],
  { short, long, length, factor, magnitude }: LongRopeScaling,
): ScaledFrequencies {
  const divided = (factors: readonly number[]): number[] =>
    inverse.map((speed, i) => speed / (factors[i] ?? 1));
  return {
    inverse: divided(short),
    magnitude: magnitude ?? (factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(length))),
    stretch: { kind: 'other', length, inverse: divided(long) },
  };
}

function llama3(
  speed: number,
  { factor, lowFrequencyFactor: low, highFrequencyFactor: high, length }: Llama3Scaling,
): number {
  const waves = (length * speed) / (2 * Math.PI); // within the length
  if (waves > high) return speed;
  if (waves < low) return speed / factor;
  const kept = (waves - low) / (high - low);
  return (speed / factor) * (1 - kept) + speed * kept;
}
