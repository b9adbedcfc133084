import { LorikeetError } from '../../errors.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape } from '../../shape.ts';
import { perSpatialAxis } from '../../spatial.ts';
import type { Tensor } from '../../tensor.ts';
import { flip } from '../movement/flip.ts';
import { pad } from '../movement/pad.ts';
import { permute } from '../movement/permute.ts';
import { reshape } from '../movement/reshape.ts';
import { slice } from '../movement/slice.ts';
import { type ConvOptions, conv } from './conv.ts';

export type ConvTransposeAttributes = {
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly outputPadding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
};

export const convTransposeOp: Composite<ConvTransposeAttributes> = {
  kind: 'composite',
  name: 'convTranspose',
  body(inputs, attributes) {
    const [x, weight] = [operand(inputs, 0), operand(inputs, 1)];
    requireFit(x, weight, attributes);
    const { stride, padding, outputPadding, dilation, groups } = attributes;
    const kernel = weight.shape.slice(2);
    const reach = kernel.map((side, i) => (side - 1) * (dilation[i] as number));
    // Elements a stride apart, and room for the kernel around them.
    const spread = pad(x, {
      low: [0, 0, ...reach],
      high: [0, 0, ...reach.map((side, i) => side + (outputPadding[i] as number))],
      interior: [0, 0, ...stride.map((step) => step - 1)],
    });
    const full = conv(spread, exchanged(weight, groups), { dilation, groups });
    const sizes = full.shape.map((side, i) =>
      i < 2 ? side : side - 2 * (padding[i - 2] as number),
    );
    return slice(full, [0, 0, ...padding], sizes);
  },
  sample(draw) {
    const [groups, spatial] = [draw.integer(1, 2), draw.integer(1, 2)];
    const sides = (min: number, max: number): number[] =>
      Array.from({ length: spatial }, () => draw.integer(min, max));
    const channels = groups * draw.integer(1, 2);
    const stride = sides(1, 2);
    return {
      inputs: [
        { shape: [draw.integer(1, 2), channels, ...sides(2, 3)] },
        { shape: [channels, draw.integer(1, 2), ...sides(2, 3)] },
      ],
      attributes: {
        stride,
        padding: sides(0, 1),
        outputPadding: stride.map((step) => draw.integer(0, step - 1)),
        dilation: sides(1, 2),
        groups,
      },
    };
  },
};

export interface ConvTransposeOptions extends ConvOptions {
  /** Elements more at the end of each spatial axis, where a stride leaves their number open. Defaults to 0. */
  readonly outputPadding?: number | readonly number[];
}

/**
 * The transpose of the linear map that `conv` is: what its derivative does with a gradient. Also called
 * deconvolution.
 *
 * @param x [B, C, ...spatial]
 * @param weight [C, O / groups, ...kernel]
 * @param options `padding` is taken away from both ends of the result.
 * @returns [B, O, ...spatial], each side `(side - 1) * stride + (kernel - 1) * dilation + 1 + outputPadding - 2 * padding`.
 * @throws LorikeetError `shape-mismatch` if channels or kernel do not fit.
 */
export function convTranspose(
  x: Tensor,
  weight: Tensor,
  options: ConvTransposeOptions = {},
): Tensor {
  const spatial = Math.max(x.rank - 2, 0);
  return record(convTransposeOp, [x, weight], {
    stride: perSpatialAxis(options.stride, spatial, 1),
    padding: perSpatialAxis(options.padding, spatial, 0),
    outputPadding: perSpatialAxis(options.outputPadding, spatial, 0),
    dilation: perSpatialAxis(options.dilation, spatial, 1),
    groups: options.groups ?? 1,
  });
}

/** [C, O / groups, ...kernel] as the weight of the convolution the other way, [O, C / groups, ...kernel]. */
function exchanged(weight: Tensor, groups: number): Tensor {
  const [channels = 0, outputs = 0, ...kernel] = weight.shape;
  const apart = reshape(weight, [groups, channels / groups, outputs, ...kernel]);
  const axes = kernel.map((_, i) => i + 3);
  const swapped = reshape(permute(apart, [0, 2, 1, ...axes]), [
    groups * outputs,
    channels / groups,
    ...kernel,
  ]);
  return flip(
    swapped,
    kernel.map((_, i) => i + 2),
  );
}

function requireFit(
  x: Tensor,
  weight: Tensor,
  { stride, padding, outputPadding, dilation, groups }: ConvTransposeAttributes,
): void {
  const spatial = x.rank - 2;
  const isCounts = (list: readonly number[], least: number): boolean =>
    list.length === spatial && list.every((n) => Number.isInteger(n) && n >= least);
  const sides = x.shape
    .slice(2)
    .map(
      (side, i) =>
        (side - 1) * (stride[i] ?? 1) +
        ((weight.shape[i + 2] ?? 1) - 1) * (dilation[i] ?? 1) +
        1 +
        (outputPadding[i] ?? 0) -
        2 * (padding[i] ?? 0),
    );
  const fits =
    spatial >= 1 &&
    weight.rank === x.rank &&
    Number.isInteger(groups) &&
    groups >= 1 &&
    weight.shape[0] === x.shape[1] &&
    (weight.shape[0] ?? 0) % groups === 0 &&
    [stride, dilation].every((list) => isCounts(list, 1)) &&
    [padding, outputPadding].every((list) => isCounts(list, 0)) &&
    sides.every((side) => side >= 1);
  if (fits) return;
  throw new LorikeetError(
    'shape-mismatch',
    `convTranspose: input ${formatShape(x.shape)} and weight ${formatShape(weight.shape)} do not fit`,
    {
      expected:
        'input [B, C, ...spatial], weight [C, O / groups, ...kernel] and a result of at least one element along each axis',
      received: `stride ${formatShape(stride)}, padding ${formatShape(padding)}, output padding ${formatShape(outputPadding)}, dilation ${formatShape(dilation)}, groups ${groups}`,
    },
  );
}
