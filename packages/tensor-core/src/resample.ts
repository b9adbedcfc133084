import { dot } from './ops/contraction/dot.ts';
import { moveAxis } from './ops/movement/moveAxis.ts';
import { type Tensor, tensor } from './tensor.ts';

/** `x` with one axis multiplied by a matrix, of which each row gives the weights of one new element. */
export function resample(x: Tensor, axis: number, rows: readonly (readonly number[])[]): Tensor {
  const side = x.shape[axis] ?? 0;
  const matrix = tensor(Float64Array.from(rows.flat()), [rows.length, side], x.dtype);
  return moveAxis(dot(x, matrix, { contract: [[axis], [1]] }), -1, axis);
}
