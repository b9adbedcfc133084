import { AdaptedWeight } from '../adaptedWeight.ts';
import type { LowRank } from '../algebra/lowRank.ts';
import { lowRankOf } from '../algebra/updateOf.ts';
import type { AdapterLayer } from '../layers.ts';

/** An adapter of a weight whose update is a thin product. */
export interface ThinPart {
  readonly number: number;
  readonly pair: LowRank;
  /** [C, ...kernel] of a convolution, [in] of others. */
  readonly inputShape: readonly number[];
}

/** Any other. */
interface WholePart {
  readonly number: number;
  readonly layer: AdapterLayer;
}

/**
 * Sorts adapters by how they are computed. One that draws random numbers in training, or has a derivative of its own there,
 * is computed as it computes itself.
 */
export function partsOf(
  layers: readonly AdapterLayer[],
  numbers: readonly number[],
  isTraining: boolean,
): { readonly thin: readonly ThinPart[]; readonly whole: readonly WholePart[] } {
  const thin: ThinPart[] = [];
  const whole: WholePart[] = [];
  for (const [i, layer] of layers.entries()) {
    const number = numbers[i] ?? 0;
    const pair = isThin(layer, isTraining) ? lowRankOf(layer) : undefined;
    if (pair === undefined || !(layer instanceof AdaptedWeight)) whole.push({ number, layer });
    else {
      const { in: inputs, kernel } = layer.settings.shape;
      thin.push({ number, pair, inputShape: [inputs, ...kernel] });
    }
  }
  return { thin, whole };
}

function isThin(layer: AdapterLayer, isTraining: boolean): layer is AdaptedWeight {
  if (!(layer instanceof AdaptedWeight)) return false;
  const { variant, config } = layer.settings;
  if (!isTraining) return true;
  const { isStochastic, holdsConstants } = variant.traits;
  return !isStochastic(config) && holdsConstants?.(config, true) !== true;
}
