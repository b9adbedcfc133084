import { LorikeetError } from '../../errors.ts';
import { broadcastShapes, formatShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { broadcastTo } from '../movement/broadcastTo.ts';
import { reshape } from '../movement/reshape.ts';
import { dot } from './dot.ts';

/**
 * The matrix product of NumPy: the last two axes multiply, leading axes broadcast, and a tensor of one
 * axis is a row on the left and a column on the right.
 *
 * @throws LorikeetError `shape-mismatch` for a scalar and where inner sides differ.
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  if (a.rank === 0 || b.rank === 0) {
    throw new LorikeetError(
      'shape-mismatch',
      `matmul: ${formatShape(a.shape)} times ${formatShape(b.shape)} is no matrix product`,
      {
        hint: 'use mul to scale by a number',
      },
    );
  }
  const [inner, other] = [a.shape.at(-1), b.shape.at(b.rank === 1 ? -1 : -2)];
  if (inner !== other) {
    throw new LorikeetError(
      'shape-mismatch',
      `matmul: ${formatShape(a.shape)} times ${formatShape(b.shape)} is no matrix product`,
      {
        expected: 'inner sides that are equal',
        received: `${inner} and ${other}`,
        hint: 'transpose one of them with swapAxes',
      },
    );
  }
  if (a.rank === 1) {
    const product = matmul(reshape(a, [1, a.size]), b);
    return reshape(
      product,
      product.shape.filter((_, axis) => axis !== product.rank - (b.rank === 1 ? 1 : 2)),
    );
  }
  if (b.rank <= 2) return dot(a, b, { contract: [[-1], [0]] });
  const batch = broadcastShapes('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2));
  const left = broadcastTo(a, [...batch, ...a.shape.slice(-2)]);
  const right = broadcastTo(b, [...batch, ...b.shape.slice(-2)]);
  const axes = batch.map((_, axis) => axis);
  return dot(left, right, { contract: [[-1], [-2]], batch: [axes, axes] });
}
