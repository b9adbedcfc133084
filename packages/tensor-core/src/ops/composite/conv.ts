import { LorikeetError } from '../../errors.ts';
import type { Composite, SampleInput } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape } from '../../shape.ts';
import { perSpatialAxis, placesOf } from '../../spatial.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { dot } from '../contraction/dot.ts';
import { pad } from '../movement/pad.ts';
import { permute } from '../movement/permute.ts';
import { reshape } from '../movement/reshape.ts';
import { slice } from '../movement/slice.ts';

export type ConvAttributes = {
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
};

export const convOp: Composite<ConvAttributes> = {
  kind: 'composite',
  name: 'conv',
  body(inputs, attributes) {
    const [x, weight] = [operand(inputs, 0), operand(inputs, 1)];
    requireFit(x, weight, attributes);
    const { padding } = attributes;
    const padded = pad(x, { low: [0, 0, ...padding], high: [0, 0, ...padding] });
    return convolve(padded, weight, attributes);
  },
  sample(draw) {
    const [groups, spatial] = [draw.integer(1, 2), draw.integer(1, 2)];
    const sides = (min: number, max: number): number[] =>
      Array.from({ length: spatial }, () => draw.integer(min, max));
    const kernel = sides(1, 2);
    const x: SampleInput = {
      shape: [draw.integer(1, 2), groups * draw.integer(1, 2), ...sides(3, 4)],
    };
    const weight: SampleInput = {
      shape: [groups * draw.integer(1, 2), (x.shape[1] ?? groups) / groups, ...kernel],
    };
    return {
      inputs: [x, weight],
      attributes: { stride: sides(1, 2), padding: sides(0, 1), dilation: sides(1, 2), groups },
    };
  },
};

export interface ConvOptions {
  /** One number for all spatial axes, or one for each. */
  readonly stride?: number | readonly number[];
  /** Zeros before and after each spatial axis. */
  readonly padding?: number | readonly number[];
  readonly dilation?: number | readonly number[];
  readonly groups?: number;
}

/**
 * Convolution (without flipping the kernel) over any number of spatial axes.
 *
 * @param x [B, C, ...spatial]
 * @param weight [O, C / groups, ...kernel]
 * @returns [B, O, ...spatial]
 * @throws LorikeetError `shape-mismatch` if channels or kernel do not fit.
 */
export function conv(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  const spatial = Math.max(x.rank - 2, 0);
  return record(convOp, [x, weight], {
    stride: perSpatialAxis(options.stride, spatial, 1),
    padding: perSpatialAxis(options.padding, spatial, 0),
    dilation: perSpatialAxis(options.dilation, spatial, 1),
    groups: options.groups ?? 1,
  });
}

/** The sum over the places of the kernel of one strided view of `x` times the kernel's matrix at that place; a product for each group. */
function convolve(x: Tensor, weight: Tensor, { stride, dilation, groups }: ConvAttributes): Tensor {
  const [outputs = 0, channels = 0, ...kernel] = weight.shape;
  const [batch = 0, , ...spatial] = x.shape;
  const sides = spatial.map((side, i) => {
    const reach = ((kernel[i] as number) - 1) * (dilation[i] as number);
    return Math.floor((side - reach - 1) / (stride[i] as number)) + 1;
  });
  const apart = reshape(x, [batch, groups, channels, ...spatial]);
  const terms = placesOf(kernel).map((place) => {
    const starts = place.map((k, i) => k * (dilation[i] as number));
    const sizes = [batch, groups, channels, ...sides];
    const view = slice(apart, [0, 0, 0, ...starts], sizes, [1, 1, 1, ...stride]);
    const single = [outputs, channels, ...kernel.map(() => 1)];
    const matrix = reshape(slice(weight, [0, 0, ...place], single), [
      groups,
      outputs / groups,
      channels,
    ]);
    return dot(view, matrix, { contract: [[2], [2]], batch: [[1], [0]] }); // [G, B, ...spatial, O / G]
  });
  const total = terms.reduce((sum, term) => add(sum, term));
  const axes = sides.map((_, i) => i + 2);
  return reshape(permute(total, [1, 0, total.rank - 1, ...axes]), [batch, outputs, ...sides]);
}

function requireFit(
  x: Tensor,
  weight: Tensor,
  { stride, padding, dilation, groups }: ConvAttributes,
): void {
  const spatial = x.rank - 2;
  const channels = x.shape[1] ?? 0;
  const fits =
    spatial >= 1 &&
    weight.rank === x.rank &&
    weight.shape.slice(2).every((side) => side >= 1) &&
    (weight.shape[1] ?? 0) * groups === channels &&
    (weight.shape[0] ?? 0) % groups === 0 &&
    areCounts(stride, spatial, 1) &&
    areCounts(padding, spatial, 0) &&
    areCounts(dilation, spatial, 1) &&
    areCounts([groups], 1, 1) &&
    x.shape
      .slice(2)
      .every(
        (side, i) =>
          side + 2 * (padding[i] as number) >
          ((weight.shape[i + 2] as number) - 1) * (dilation[i] as number),
      );
  if (fits) return;
  throw new LorikeetError(
    'shape-mismatch',
    `conv: input ${formatShape(x.shape)} and weight ${formatShape(weight.shape)} do not fit`,
    {
      expected: `input [B, C, ...spatial], weight [O, C / ${groups}, ...kernel] with a kernel no larger than the padded input`,
      received: `stride ${formatShape(stride)}, padding ${formatShape(padding)}, dilation ${formatShape(dilation)}, groups ${groups}`,
    },
  );
}

function areCounts(list: readonly number[], length: number, least: number): boolean {
  return list.length === length && list.every((n) => Number.isInteger(n) && n >= least);
}
