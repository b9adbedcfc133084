import { decomposeSvd } from '../../decompositions/decomposeSvd.ts';
import {
  batchStack,
  mapElements,
  packedShape,
  requireMatrices,
  sampleMatrix,
  unpack,
} from '../../matrices.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Shape } from '../../shape.ts';
import { signedParts, svdDerivative } from '../../singularVectors.ts';
import type { Tensor } from '../../tensor.ts';
import type { TensorType } from '../../type.ts';

export const svdOp: Primitive<NoAttributes> = {
  kind: 'primitive',
  name: 'svd',
  infer(inputs) {
    const x = operand(inputs, 0);
    const { batch } = requireMatrices('svd', x);
    return { shape: packedShape(batch, partsOf(x)), dtype: x.dtype };
  },
  evaluate(inputs, _, output) {
    mapElements(operand(inputs, 0), output.data, (elements, rows, columns) =>
      signedParts(decomposeSvd(elements, rows, columns), rows, columns),
    );
  },
  derivative({ inputs, output, gradient }) {
    const parts = partsOf(operand(inputs, 0).type);
    const [u, s, v] = unpack(output, parts) as [Tensor, Tensor, Tensor];
    const [byU, byS, byV] = unpack(gradient, parts) as [Tensor, Tensor, Tensor];
    return [svdDerivative({ u, s, v }, { u: byU, s: byS, v: byV })];
  },
  batch: batchStack,
  sample: (draw) => ({ inputs: [sampleMatrix(draw)], attributes: {} }),
};

/** The thin singular value decomposition, `x = u diag(s) v^T`. */
export interface Svd {
  /** [..., m, k], with k the smaller side: orthonormal columns, of which the largest element is positive. */
  readonly u: Tensor;
  /** [..., k], descending. */
  readonly s: Tensor;
  /** [..., n, k]: orthonormal columns. */
  readonly v: Tensor;
}

/**
 * The singular value decomposition of each matrix.
 *
 * It has a derivative where the singular values differ and are not 0. For singular values alone, and for what
 * does not depend on the choice of vectors, such as the best approximation of a rank, equal ones do no harm.
 *
 * @param x [..., m, n], floating point.
 * @throws LorikeetError `shape-mismatch` for fewer than two axes.
 */
export function svd(x: Tensor): Svd {
  const [u, s, v] = unpack(record(svdOp, [x], {}), partsOf(x.type)) as [Tensor, Tensor, Tensor];
  return { u, s, v };
}

function partsOf({ shape }: TensorType): [u: Shape, s: Shape, v: Shape] {
  const [rows = 0, columns = 0] = shape.slice(-2);
  const side = Math.min(rows, columns);
  return [[rows, side], [side], [columns, side]];
}
