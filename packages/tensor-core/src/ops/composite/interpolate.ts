import { LorikeetError } from '../../errors.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { resample } from '../../resample.ts';
import { requireSizes } from '../../spatial.ts';
import { type Tensor, tensor } from '../../tensor.ts';
import { gather } from '../index/gather.ts';

export type InterpolateAttributes = {
  readonly sizes: readonly number[];
  /** Steps in the input for one in the result, along each spatial axis. */
  readonly steps: readonly number[];
  readonly mode: 'nearest' | 'linear';
  readonly alignCorners: boolean;
};

export const interpolateOp: Composite<InterpolateAttributes> = {
  kind: 'composite',
  name: 'interpolate',
  body(inputs, { sizes, steps, mode, alignCorners }) {
    const x = operand(inputs, 0);
    requireSizes('interpolate', x, sizes);
    return sizes.reduce((state, size, i) => {
      const axis = i + 2;
      const side = x.shape[axis] ?? 1;
      const places = sourcePlaces(size, side, steps[i] ?? 1, { mode, alignCorners });
      if (mode === 'linear')
        return resample(
          state,
          axis,
          places.map((place) => tent(place, side)),
        );
      return gather(state, tensor(places.map(Math.floor), [size], 'i32'), axis);
    }, x);
  },
  sample(draw) {
    const spatial = draw.integer(1, 2);
    const sides = (min: number, max: number): number[] =>
      Array.from({ length: spatial }, () => draw.integer(min, max));
    const [from, sizes] = [sides(1, 4), sides(1, 5)];
    return {
      inputs: [{ shape: [draw.integer(0, 2), draw.integer(1, 2), ...from] }],
      attributes: {
        sizes,
        steps: from.map((side, i) => side / (sizes[i] as number)),
        mode: draw.pick(['nearest', 'linear'] as const),
        alignCorners: draw.boolean(),
      },
    };
  },
};

export interface InterpolateOptions {
  /** The spatial sides of the result; or else `scale`. */
  readonly size?: readonly number[];
  /** What the spatial sides are multiplied with: one number, or one for each. Sides are rounded down. */
  readonly scale?: number | readonly number[];
  /** `'linear'` is linear along each spatial axis: bilinear for two. Defaults to `'nearest'`. */
  readonly mode?: 'nearest' | 'linear';
  /** With `'linear'`, whether first and last elements stay where they are. Defaults to false. */
  readonly alignCorners?: boolean;
}

/**
 * `x` with its spatial axes stretched or shrunk. Where an element of the result lies in the input is PyTorch's
 * rule.
 *
 * @param x [B, C, ...spatial]
 * @throws LorikeetError `shape-mismatch` if the sizes do not fit, `invalid-argument` without size or scale.
 */
export function interpolate(x: Tensor, options: InterpolateOptions): Tensor {
  const { size, scale, mode = 'nearest', alignCorners = false } = options;
  const spatial = x.shape.slice(2);
  if ((size === undefined) === (scale === undefined)) {
    throw new LorikeetError('invalid-argument', 'interpolate: one of size and scale is needed', {
      expected: 'either size or scale',
      received: size === undefined ? 'neither' : 'both',
    });
  }
  const scaleOf = (i: number): number => (typeof scale === 'number' ? scale : (scale?.[i] ?? 1));
  const sizes = size ?? spatial.map((side, i) => Math.floor(side * scaleOf(i)));
  const steps = spatial.map((side, i) =>
    size === undefined ? 1 / scaleOf(i) : side / (size[i] ?? 1),
  );
  return record(interpolateOp, [x], { sizes, steps, mode, alignCorners });
}

/** Where in an axis of length `side` each element of the result lies. */
function sourcePlaces(
  size: number,
  side: number,
  step: number,
  { mode, alignCorners }: Pick<InterpolateAttributes, 'mode' | 'alignCorners'>,
): number[] {
  return Array.from({ length: size }, (_, i) => {
    // In f32, as PyTorch does: in f64 some places would fall just short of the next element.
    if (mode === 'nearest') return Math.min(Math.fround(i * Math.fround(step)), side - 1);
    if (alignCorners) return size === 1 ? 0 : (i * (side - 1)) / (size - 1);
    return Math.min(Math.max((i + 0.5) * step - 0.5, 0), side - 1);
  });
}

/** The weights of the two neighbours of a place. */
function tent(place: number, side: number): number[] {
  return Array.from({ length: side }, (_, i) => Math.max(0, 1 - Math.abs(place - i)));
}
