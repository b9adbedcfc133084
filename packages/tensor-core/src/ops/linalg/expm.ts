import { LuDecomposition, Matrix } from 'ml-matrix';
import { batchStack, mapMatrices, requireSquare } from '../../matrices.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { full } from '../create/full.ts';
import { concat } from '../movement/concat.ts';
import { swapAxes } from '../movement/permute.ts';
import { sliceAxis } from '../movement/slice.ts';

export const expmOp: Primitive<NoAttributes> = {
  kind: 'primitive',
  name: 'expm',
  infer(inputs) {
    const x = operand(inputs, 0);
    requireSquare('expm', x);
    return x;
  },
  evaluate(inputs, _, output) {
    mapMatrices(operand(inputs, 0), output.data, (matrix) => [exponential(matrix).to1DArray()]);
  },
  // The derivative along E is the upper right block of the exponential of [[A, E], [0, A]] (Najfeld and Havel
  // 1995); that back from a gradient is the same with A transposed.
  derivative({ inputs, gradient }) {
    const a = swapAxes(operand(inputs, 0));
    const side = a.shape.at(-1) ?? 0;
    const above = concat([a, gradient], -1);
    const below = concat([full(a.shape, 0, a.dtype), a], -1);
    const whole = expm(concat([above, below], -2));
    return [sliceAxis(sliceAxis(whole, -2, 0, side), -1, side, side)];
  },
  batch: batchStack,
  sample(draw) {
    const side = draw.integer(0, 3);
    const batch = draw.pick([[], [], [2], [0]]);
    return { inputs: [{ shape: [...batch, side, side] }], attributes: {} };
  },
};

/**
 * The exponential of each matrix, `1 + x + x^2 / 2 + ...`.
 *
 * @param x [..., n, n], floating point.
 * @throws LorikeetError `shape-mismatch` if it is not square.
 */
export function expm(x: Tensor): Tensor {
  return record(expmOp, [x], {});
}

/** Of the Padé approximant of degree 13, from the lowest power. */
const coefficients = [
  64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000,
  10559470521600, 670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1,
];
/** The norm up to which the approximant is exact to f64. */
const reach = 5.371920351148152;

/** Scaling and squaring: N. Higham, "The scaling and squaring method for the matrix exponential revisited", 2005. */
function exponential(matrix: Matrix): Matrix {
  const side = matrix.rows;
  if (side === 0) return matrix;
  const columns = Array.from({ length: side }, (_, j) =>
    matrix.getColumn(j).reduce((total, value) => total + Math.abs(value), 0),
  );
  const squarings = Math.max(0, Math.ceil(Math.log2(Math.max(...columns) / reach)));
  const a = Matrix.mul(matrix, 2 ** -squarings);
  const square = a.mmul(a);
  let power = Matrix.eye(side);
  let [even, odd] = [Matrix.zeros(side, side), Matrix.zeros(side, side)];
  for (let k = 0; k < coefficients.length; k += 2) {
    even = even.add(Matrix.mul(power, coefficients[k] as number));
    odd = odd.add(Matrix.mul(power, coefficients[k + 1] as number));
    power = power.mmul(square);
  }
  const u = a.mmul(odd);
  let result = new LuDecomposition(Matrix.sub(even, u)).solve(Matrix.add(even, u));
  for (let i = 0; i < squarings; i++) result = result.mmul(result);
  return result;
}
