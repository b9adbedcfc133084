import { concat, gather, pad, sliceAxis, stack, type Tensor, tensor } from '@lorikeet/tensor-core';
import { parameterOf } from '../parameterOf.ts';
import type { StoredForm } from '../variant.ts';
import type { DivisionSides } from './subspaces.ts';

/** Which output is in which subspace, and how many features each has, as numbers: shapes in PEFT's files are of these. */
export interface Division {
  readonly rows: readonly number[];
  readonly ranks: readonly number[];
}

/** The parameters as PEFT has them: a pair of factors for each subspace, A0 [R, width] and B0 [its outputs, R] and so on. */
export function pairsOf({ rows, ranks }: Division, { rank }: DivisionSides): StoredForm {
  const own = ranks.map((_, k) => rows.flatMap((label, i) => (label === k ? [i] : [])));
  const places = (list: readonly number[]): Tensor => tensor([...list], [list.length], 'i32');
  return {
    encode(parameters) {
      const [A, B] = [parameterOf(parameters, 'A'), parameterOf(parameters, 'B')];
      const pairs = ranks.flatMap((R, k) => [
        [`A${k}`, sliceAxis(sliceAxis(A, 0, k, 1).reshape([rank, -1]), 0, 0, R)] as const,
        [`B${k}`, sliceAxis(gather(B, places(own[k] ?? [])), 1, k * rank, R)] as const,
      ]);
      return Object.fromEntries(pairs);
    },
    decode(stored) {
      const A = stack(
        ranks.map((R, k) => pad(parameterOf(stored, `A${k}`), { high: [rank - R, 0] })),
      );
      const chunks = ranks.map((R, k) => {
        const high = [0, (ranks.length - k) * rank - R];
        return pad(parameterOf(stored, `B${k}`), { low: [0, k * rank], high });
      });
      const order = own.flat();
      const inverse = rows.map((_, i) => order.indexOf(i));
      return { A, B: gather(concat(chunks), places(inverse)) };
    },
  };
}
