import { decomposeLeading } from '../../decompositions/decomposeLeading.ts';
import { LorikeetError } from '../../errors.ts';
import {
  batchStack,
  mapElements,
  packedShape,
  requireMatrices,
  sampleMatrix,
  unpack,
} from '../../matrices.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape, type Shape } from '../../shape.ts';
import { signedParts, svdDerivative } from '../../singularVectors.ts';
import type { Tensor } from '../../tensor.ts';
import type { TensorType } from '../../type.ts';
import { pad } from '../movement/pad.ts';
import { type Svd, svd } from './svd.ts';

export type LeadingSvdAttributes = { readonly rank: number };

export const leadingSvdOp: Primitive<LeadingSvdAttributes> = {
  kind: 'primitive',
  name: 'leadingSvd',
  infer(inputs, { rank }) {
    const x = operand(inputs, 0);
    const { batch } = requireMatrices('leadingSvd', x);
    return { shape: packedShape(batch, partsOf(x, rank)), dtype: x.dtype };
  },
  evaluate(inputs, { rank }, output) {
    mapElements(operand(inputs, 0), output.data, (elements, rows, columns) => {
      const parts = decomposeLeading(elements, rows, columns, rank);
      return signedParts(parts, rows, columns);
    });
  },
  // By all singular vectors: the others turn the first ones.
  derivative({ inputs, gradient, attributes: { rank } }) {
    const x = operand(inputs, 0);
    const found = svd(x);
    const rest = (found.s.shape.at(-1) ?? 0) - rank;
    const [u, s, v] = unpack(gradient, partsOf(x.type, rank)).map((part) =>
      pad(part, { high: part.shape.map((_, axis) => (axis === part.rank - 1 ? rest : 0)) }),
    ) as [Tensor, Tensor, Tensor];
    return [svdDerivative(found, { u, s, v })];
  },
  batch: batchStack,
  sample(draw) {
    const [rows, columns] = [draw.integer(1, 3), draw.integer(1, 3)];
    const rank = draw.integer(1, Math.min(rows, columns));
    return { inputs: [sampleMatrix(draw, { rows, columns })], attributes: { rank } };
  },
};

/**
 * The largest `rank` singular values of each matrix and their vectors, as exact as `svd` has them where they are not
 * small beside the largest. For a small rank of a large matrix it takes a fraction of the time.
 *
 * @param x [..., m, n], floating point.
 * @returns u: [..., m, rank], s: [..., rank], v: [..., n, rank].
 * @throws LorikeetError `invalid-argument` if the rank is not from 1 to the smaller side.
 */
export function leadingSvd(x: Tensor, rank: number): Svd {
  const { rows, columns } = requireMatrices('leadingSvd', x.type);
  const most = Math.min(rows, columns);
  if (!(Number.isInteger(rank) && rank >= 1 && rank <= most)) {
    throw new LorikeetError(
      'invalid-argument',
      `leadingSvd: rank ${rank} of a matrix ${formatShape(x.shape)}`,
      { expected: `a whole number from 1 to ${most}`, received: String(rank) },
    );
  }
  const packed = record(leadingSvdOp, [x], { rank });
  const [u, s, v] = unpack(packed, partsOf(x.type, rank)) as [Tensor, Tensor, Tensor];
  return { u, s, v };
}

function partsOf({ shape }: TensorType, rank: number): [u: Shape, s: Shape, v: Shape] {
  const [rows = 0, columns = 0] = shape.slice(-2);
  return [[rows, rank], [rank], [columns, rank]];
}
