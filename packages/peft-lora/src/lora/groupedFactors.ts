import {
  abs,
  conv,
  dot,
  equal,
  iota,
  LorikeetError,
  max,
  reshape,
  sliceAxis,
  squeeze,
  stack,
  type Tensor,
  where,
} from '@lorikeet/tensor-core';
import { parameterOf } from '../parameterOf.ts';
import type { SiteShape } from '../siteShape.ts';
import type { ConvolutionArguments, StoredForm } from '../variant.ts';

/** The factors of a convolution with groups: R / G rows of A and columns of B for each of the G groups. */
interface GroupedFactors {
  /** [R, C / G, ...kernel]; [R, C, ...kernel] where each row sees all channels */
  readonly A: Tensor;
  /** [O, R / G, 1, ...] */
  readonly B: Tensor;
}

/**
 * Whether the update leads from channels of one group to those of another, as an adapter that PEFT trained does: it has A
 * look at all channels. Such a change is none of the weight, which has no entries there.
 */
function crosses({ A }: GroupedFactors, shape: SiteShape): boolean {
  return A.shape[1] !== shape.in;
}

/** The product of each group, as the weight has them: [O, C / G, ...kernel]. Throws `unsupported` for one across groups. */
export function groupedProduct(factors: GroupedFactors, shape: SiteShape): Tensor {
  const { groups, out, in: inputs, kernel } = shape;
  if (crosses(factors, shape)) {
    throw new LorikeetError(
      'unsupported',
      'this update of a convolution leads across its groups, and the weight has no place for it',
      { hint: 'use the adapter unmerged; one that is trained here stays within the groups' },
    );
  }
  const B = reshape(factors.B, [groups, out / groups, -1]); // [G, O / G, R / G]
  const A = reshape(factors.A, [groups, B.shape[2] ?? 0, -1]); // [G, R / G, C / G * kernel]
  return reshape(dot(B, A, { batch: [[0], [0]], contract: [[2], [1]] }), [out, inputs, ...kernel]);
}

/** The update of the output, without its scale: [B, O, ...spatial]. */
export function groupedConvolution(
  x: Tensor,
  factors: GroupedFactors,
  { shape, convolveWith }: Pick<ConvolutionArguments<unknown>, 'shape' | 'convolveWith'>,
): Tensor {
  const { groups } = shape;
  const low = convolveWith(x, factors.A, crosses(factors, shape) ? 1 : groups); // [B, R, ...spatial]
  return conv(low, factors.B, { groups });
}

/**
 * How PEFT stores such factors: A with the channels of all groups, and zeros for those of others, so that PEFT computes the
 * same. What it trained itself has other numbers there, and is kept as it is.
 */
export function groupedForm(shape: SiteShape): StoredForm {
  const { groups, in: inputs, kernel } = shape;
  const apart = (A: Tensor, channels: number): Tensor =>
    reshape(A, [groups, (A.shape[0] ?? 0) / groups, channels, inputs, ...kernel]);
  return {
    encode(parameters) {
      const A = parameterOf(parameters, 'A');
      if (A.shape[1] !== inputs) return parameters;
      const filled = where(ownGroup(shape), apart(A, 1), 0); // [G, R / G, G, C / G, ...kernel]
      return {
        ...parameters,
        A: reshape(filled, [A.shape[0] ?? 0, groups * inputs, ...kernel]),
      };
    },
    async decode(stored) {
      const A = parameterOf(stored, 'A');
      const blocks = apart(A, groups);
      const outside = max(abs(where(ownGroup(shape), 0, blocks)));
      if ((await outside.item()) !== 0) return stored;
      const own = Array.from({ length: groups }, (_, group) => {
        const rows = squeeze(sliceAxis(blocks, 0, group, 1), 0); // [R / G, G, C / G, ...kernel]
        return squeeze(sliceAxis(rows, 1, group, 1), 1);
      });
      return { ...stored, A: reshape(stack(own), [A.shape[0] ?? 0, inputs, ...kernel]) };
    },
  };
}

/** Where rows and channels are of one group: [G, 1, G, 1, ...]. */
function ownGroup({ groups, kernel }: SiteShape): Tensor {
  const sides = [groups, 1, groups, 1, ...kernel.map(() => 1)];
  return equal(iota(sides, 0), iota(sides, 2));
}
