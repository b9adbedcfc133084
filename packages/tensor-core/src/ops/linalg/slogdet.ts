import { LuDecomposition } from 'ml-matrix';
import { batchStack, mapMatrices, requireSquare, sampleSquare, unpack } from '../../matrices.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { expandDims } from '../movement/expandDims.ts';
import { swapAxes } from '../movement/permute.ts';
import { inv } from './inv.ts';

export const slogdetOp: Primitive<NoAttributes> = {
  kind: 'primitive',
  name: 'slogdet',
  infer(inputs) {
    const x = operand(inputs, 0);
    const { batch } = requireSquare('slogdet', x);
    return { shape: [...batch, 2], dtype: x.dtype };
  },
  evaluate(inputs, _, output) {
    mapMatrices(operand(inputs, 0), output.data, (matrix) => {
      if (matrix.rows === 0) return [[1, 0]];
      const found = new LuDecomposition(matrix);
      const diagonal = found.upperTriangularMatrix.diagonal();
      const signs = [signOf(found.pivotPermutationVector), ...diagonal.map(Math.sign)];
      const size = diagonal.reduce((total, value) => total + Math.log(Math.abs(value)), 0);
      // Never -0.
      return [[signs.reduce((product, sign) => product * sign, 1) + 0, size]];
    });
  },
  derivative({ inputs, gradient }) {
    const [, bySize] = unpack(gradient, [[], []]) as [Tensor, Tensor];
    return [mul(swapAxes(inv(operand(inputs, 0))), expandDims(bySize, [-1, -2]))];
  },
  batch: batchStack,
  sample: (draw) => ({ inputs: [sampleSquare(draw)], attributes: {} }),
};

/** A determinant, by its sign and its size. */
export interface SignAndLogDet {
  /** [...]: -1, 0 or 1. */
  readonly sign: Tensor;
  /** [...]: the logarithm of the magnitude; -Infinity if it is 0. */
  readonly logAbsDet: Tensor;
}

/**
 * The determinant of each matrix [..., n, n], of which the logarithm neither overflows nor vanishes. Its
 * derivative needs an inverse.
 *
 * @throws LorikeetError `shape-mismatch` if it is not square.
 */
export function slogdet(x: Tensor): SignAndLogDet {
  const [sign, logAbsDet] = unpack(record(slogdetOp, [x], {}), [[], []]) as [Tensor, Tensor];
  return { sign, logAbsDet };
}

/** 1 for an even permutation, -1 for an odd one: a cycle of even length turns it. */
function signOf(permutation: readonly number[]): number {
  const seen = new Set<number>();
  let sign = 1;
  for (const start of permutation) {
    let length = 0;
    for (let at = start; !seen.has(at); at = permutation[at] ?? start, length++) seen.add(at);
    if (length > 0 && length % 2 === 0) sign = -sign;
  }
  return sign;
}
