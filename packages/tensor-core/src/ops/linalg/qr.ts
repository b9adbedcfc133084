import { decomposeQr } from '../../decompositions/decomposeQr.ts';
import { LorikeetError } from '../../errors.ts';
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
import { formatShape, type Shape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import type { TensorType } from '../../type.ts';
import { add } from '../binary/add.ts';
import { sub } from '../binary/sub.ts';
import { matmul } from '../contraction/matmul.ts';
import { concat } from '../movement/concat.ts';
import { swapAxes } from '../movement/permute.ts';
import { sliceAxis } from '../movement/slice.ts';
import { tril } from '../movement/tril.ts';
import { triangularSolve } from './triangularSolve.ts';

export const qrOp: Primitive<NoAttributes> = {
  kind: 'primitive',
  name: 'qr',
  infer(inputs) {
    const x = operand(inputs, 0);
    const { batch, rows, columns } = requireMatrices('qr', x);
    if (rows < columns) {
      throw new LorikeetError('shape-mismatch', `qr: ${formatShape(x.shape)} is wider than tall`, {
        hint: 'the function qr takes it',
      });
    }
    return { shape: packedShape(batch, partsOf(x)), dtype: x.dtype };
  },
  evaluate(inputs, _, output) {
    mapElements(operand(inputs, 0), output.data, decomposeQr);
  },
  // S. Walter and L. Lehmann, "Algorithmic differentiation of linear algebra functions", 2012.
  derivative({ inputs, output, gradient }) {
    const parts = partsOf(operand(inputs, 0).type);
    const [q, r] = unpack(output, parts) as [Tensor, Tensor];
    const [byQ, byR] = unpack(gradient, parts) as [Tensor, Tensor];
    const inner = sub(matmul(r, swapAxes(byR)), matmul(swapAxes(byQ), q));
    const mirrored = add(tril(inner), swapAxes(tril(inner, -1)));
    const right = add(byQ, matmul(q, mirrored));
    // right R^-T, by solving with R.
    return [swapAxes(triangularSolve(r, swapAxes(right), { lower: false }))];
  },
  batch: batchStack,
  sample(draw) {
    const columns = draw.integer(1, 3);
    const rows = draw.integer(columns, 3);
    // A column with nothing below the diagonal keeps its sign, which LAPACK turns next to it.
    return { inputs: [{ ...sampleMatrix(draw, { rows, columns }), avoid: [0] }], attributes: {} };
  },
};

/** `x = q r`. */
export interface Qr {
  /** [..., m, k], with k the smaller side: orthonormal columns. */
  readonly q: Tensor;
  /** [..., k, n]: upper triangular. */
  readonly r: Tensor;
}

/**
 * The thin QR decomposition of each matrix, by Householder reflections. Signs are those of LAPACK.
 *
 * It has a derivative where the first k columns are independent. Where a column has only zeros below the diagonal the signs
 * jump, and the derivative is that with the signs kept.
 *
 * @param x [..., m, n], floating point.
 * @throws LorikeetError `shape-mismatch` for fewer than two axes.
 */
export function qr(x: Tensor): Qr {
  const { rows, columns } = requireMatrices('qr', x.type);
  if (rows >= columns) {
    const [q, r] = unpack(record(qrOp, [x], {}), partsOf(x.type)) as [Tensor, Tensor];
    return { q, r };
  }
  const { q, r } = qr(sliceAxis(x, -1, 0, rows));
  const rest = matmul(swapAxes(q), sliceAxis(x, -1, rows, columns - rows));
  return { q, r: concat([r, rest], x.rank - 1) };
}

function partsOf({ shape }: TensorType): [q: Shape, r: Shape] {
  const [rows = 0, columns = 0] = shape.slice(-2);
  return [
    [rows, columns],
    [columns, columns],
  ];
}
