import { dot, permute, reshape, type Tensor } from '@lorikeet/tensor-core';
import { parameterOf } from '../parameterOf.ts';
import type { SiteShape } from '../siteShape.ts';
import type { StoredForm } from '../variant.ts';

/** A pair of factors for each of E experts: A [E, R, in] and B [E, out, R]. */
interface ExpertFactors {
  readonly A: Tensor;
  readonly B: Tensor;
}

/** The product of each expert's pair: [E, out, in]. */
export function expertProduct({ A, B }: ExpertFactors): Tensor {
  return dot(B, A, { batch: [[0], [0]], contract: [[2], [1]] });
}

/** The update of each expert's output, without its scale. @param x [E, N, in] @returns [E, N, out] */
export function expertUpdate(x: Tensor, { A, B }: ExpertFactors): Tensor {
  const low = dot(x, A, { batch: [[0], [0]], contract: [[2], [2]] }); // [E, N, R]
  return dot(low, B, { batch: [[0], [0]], contract: [[2], [2]] });
}

/** PEFT stores the factors of all experts as two matrices: A [E R, in] by experts, and B [out, R E] by ranks. */
export function expertForm({ experts, in: inputs, out }: SiteShape): StoredForm {
  return {
    encode(parameters) {
      const [A, B] = [parameterOf(parameters, 'A'), parameterOf(parameters, 'B')];
      return {
        ...parameters,
        A: reshape(A, [-1, inputs]),
        B: reshape(permute(B, [1, 2, 0]), [out, -1]),
      };
    },
    decode(stored) {
      const [A, B] = [parameterOf(stored, 'A'), parameterOf(stored, 'B')];
      return {
        ...stored,
        A: reshape(A, [experts, -1, inputs]),
        B: permute(reshape(B, [out, -1, experts]), [2, 0, 1]),
      };
    },
  };
}
