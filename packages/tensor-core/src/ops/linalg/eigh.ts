import { decomposeEigh } from '../../decompositions/decomposeEigh.ts';
import { largestOf, negate } from '../../decompositions/signs.ts';
import { transpose } from '../../decompositions/transpose.ts';
import {
  batchStack,
  mapElements,
  packedShape,
  reciprocalOrZero,
  requireSquare,
  sampleSquare,
  symmetric,
  unpack,
} from '../../matrices.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Shape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import type { TensorType } from '../../type.ts';
import { add } from '../binary/add.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { matmul } from '../contraction/matmul.ts';
import { eye } from '../create/eye.ts';
import { expandDims } from '../movement/expandDims.ts';
import { swapAxes } from '../movement/permute.ts';

export const eighOp: Primitive<NoAttributes> = {
  kind: 'primitive',
  name: 'eigh',
  infer(inputs) {
    const x = operand(inputs, 0);
    const { batch } = requireSquare('eigh', x);
    return { shape: packedShape(batch, partsOf(x)), dtype: x.dtype };
  },
  evaluate(inputs, _, output) {
    mapElements(operand(inputs, 0), output.data, (elements, side) => {
      const mirrored = transpose(elements, side, side);
      const mean = elements.map((element, i) => (element + (mirrored[i] as number)) / 2);
      const { values, vectors } = decomposeEigh(mean, side);
      for (let i = 0; i < side; i++) {
        const vector = vectors.subarray(i * side, (i + 1) * side);
        if (largestOf(vector) < 0) negate(vector);
      }
      return [values, transpose(vectors, side, side)];
    });
  },
  // M. Giles, "Collected matrix derivative results for forward and reverse mode AD", 2008.
  derivative({ inputs, output, gradient }) {
    const parts = partsOf(operand(inputs, 0).type);
    const [values, vectors] = unpack(output, parts) as [Tensor, Tensor];
    const [byValues, byVectors] = unpack(gradient, parts) as [Tensor, Tensor];
    const apart = sub(expandDims(values, -2), expandDims(values, -1));
    const side = values.shape.at(-1) ?? 0;
    const core = add(
      mul(eye(side, side, { dtype: values.dtype }), expandDims(byValues, -2)),
      mul(reciprocalOrZero(apart), matmul(swapAxes(vectors), byVectors)),
    );
    return [symmetric(matmul(matmul(vectors, core), swapAxes(vectors)))];
  },
  batch: batchStack,
  sample: (draw) => ({ inputs: [sampleSquare(draw)], attributes: {} }),
};

/** `x = vectors diag(values) vectors^T`. */
export interface Eigh {
  /** [..., n], ascending. */
  readonly values: Tensor;
  /** [..., n, n]: orthonormal columns, of which the largest element is positive. */
  readonly vectors: Tensor;
}

/**
 * Eigenvalues and eigenvectors of each symmetric matrix; of the mean of `x` and its transpose, so that the
 * derivative is symmetric. The vectors have a derivative where the eigenvalues differ.
 *
 * @param x [..., n, n], floating point.
 * @throws LorikeetError `shape-mismatch` if it is not square.
 */
export function eigh(x: Tensor): Eigh {
  const [values, vectors] = unpack(record(eighOp, [x], {}), partsOf(x.type)) as [Tensor, Tensor];
  return { values, vectors };
}

function partsOf({ shape }: TensorType): [values: Shape, vectors: Shape] {
  const [side = 0] = shape.slice(-1);
  return [[side], [side, side]];
}
