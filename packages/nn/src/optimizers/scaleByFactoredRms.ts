import {
  add,
  cast,
  div,
  mapLeaves,
  mapTensors,
  mean,
  mul,
  pow,
  reshape,
  rsqrt,
  sub,
  Tensor,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { paths, zipTrees } from '../tree.ts';
import { type Optimizer, wide } from './optimizer.ts';

export interface FactoredRmsOptions {
  /** The mean of squares of step t takes up `t^-decayRate` of the new. Defaults to 0.8. */
  readonly decayRate?: number;
  /** Added to squared gradients. Defaults to 1e-30. */
  readonly epsilon?: number;
}

export interface FactoredRmsState {
  /** Steps taken; i32. */
  readonly step: Tensor;
  /** In the place of a matrix, or a stack of them, `{ row, column }`; of another parameter, `{ square }`. */
  readonly moments: unknown;
}

/**
 * Divides by the root of a mean of squared gradients of which only the means of rows and columns are kept:
 * of a matrix [m, n], m + n numbers. Shazeer and Stern 2018.
 */
export function scaleByFactoredRms({
  decayRate = 0.8,
  epsilon = 1e-30,
}: FactoredRmsOptions = {}): Optimizer<FactoredRmsState> {
  return {
    init: (parameters) => ({
      step: tensor(0, [], 'i32'),
      moments: mapLeaves(parameters, (leaf) =>
        leaf instanceof Tensor ? zeroMoments(wide(leaf)) : leaf,
      ),
    }),
    update(gradients, state, _) {
      const step = add(state.step, 1);
      const fresh = mapLeaves(gradients, (leaf) =>
        leaf instanceof Tensor ? momentsOf(add(mul(wide(leaf), wide(leaf)), epsilon)) : leaf,
      );
      const moments = zipTrees(
        (now, before) => {
          const share = pow(cast(step, now.dtype), -decayRate);
          return add(mul(before, sub(1, share)), mul(now, share));
        },
        fresh,
        state.moments,
      );
      const found = new Map(paths(moments));
      const updates = mapTensors(gradients, (gradient, path) => {
        const [square, row, column] = ['square', 'row', 'column'].map((name) =>
          found.get([...path, name].join('.')),
        );
        const inverse =
          row === undefined || column === undefined
            ? rsqrt(square ?? gradient)
            : inverseRoot(row, column);
        return cast(mul(wide(gradient), inverse), gradient.dtype);
      });
      return { updates, state: { step, moments } };
    },
  };
}

type Moments = { readonly square: Tensor } | { readonly row: Tensor; readonly column: Tensor };

/** @param squares [..., m, n] is kept as [..., m] and [..., n]. */
function momentsOf(squares: Tensor): Moments {
  if (!isFactored(squares)) return { square: squares };
  return { row: mean(squares, -1), column: mean(squares, -2) };
}

function zeroMoments(like: Tensor): Moments {
  const { shape, dtype } = like;
  if (!isFactored(like)) return { square: zeros(shape, dtype) };
  const column = [...shape.slice(0, -2), ...shape.slice(-1)];
  return { row: zeros(shape.slice(0, -1), dtype), column: zeros(column, dtype) };
}

function isFactored({ rank, size }: Tensor): boolean {
  return rank >= 2 && size > 0;
}

/** One over the root of the product of both means: [..., m] and [..., n] give [..., m, n]. */
function inverseRoot(row: Tensor, column: Tensor): Tensor {
  const ofRow = rsqrt(div(row, mean(row, -1, { keepAxes: true })));
  const [rows, columns] = [row.shape.at(-1) ?? 1, column.shape.at(-1) ?? 1];
  const outer = row.shape.slice(0, -1);
  return mul(reshape(ofRow, [...outer, rows, 1]), reshape(rsqrt(column), [...outer, 1, columns]));
}
