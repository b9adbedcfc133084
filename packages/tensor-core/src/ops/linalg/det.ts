import { determinant } from 'ml-matrix';
import { batchStack, mapMatrices, requireSquare, sampleSquare } from '../../matrices.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { expandDims } from '../movement/expandDims.ts';
import { swapAxes } from '../movement/permute.ts';
import { inv } from './inv.ts';

export const detOp: Primitive<NoAttributes> = {
  kind: 'primitive',
  name: 'det',
  infer(inputs) {
    const x = operand(inputs, 0);
    return { shape: requireSquare('det', x).batch, dtype: x.dtype };
  },
  evaluate(inputs, _, output) {
    mapMatrices(operand(inputs, 0), output.data, (matrix) => [
      [matrix.rows === 0 ? 1 : determinant(matrix)],
    ]);
  },
  derivative({ inputs, output, gradient }) {
    const scale = expandDims(mul(gradient, output), [-1, -2]);
    return [mul(swapAxes(inv(operand(inputs, 0))), scale)];
  },
  batch: batchStack,
  sample: (draw) => ({ inputs: [sampleSquare(draw)], attributes: {} }),
};

/**
 * The determinant of each matrix [..., n, n]; [...]. Its derivative needs an inverse. For large matrices
 * `slogdet` neither overflows nor vanishes.
 *
 * @throws LorikeetError `shape-mismatch` if it is not square.
 */
export function det(x: Tensor): Tensor {
  return record(detOp, [x], {});
}
