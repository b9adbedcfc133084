import { batchAxes } from '../../batching.ts';
import { isFloat, requireDType } from '../../dtype.ts';
import { LorikeetError } from '../../errors.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { ReductionAttributes, ReductionOptions } from '../../reduction.ts';
import { normalizeAxes } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { equal } from '../binary/equal.ts';
import { mul } from '../binary/mul.ts';
import { where } from '../binary/where.ts';
import { abs } from '../unary/abs.ts';
import { cast } from '../unary/cast.ts';
import { sqrt } from '../unary/sqrt.ts';
import { max } from './max.ts';
import { sum } from './sum.ts';

export type VectorNormAttributes = ReductionAttributes & {
  readonly order: '1' | '2' | 'infinity';
};

export interface VectorNormOptions extends ReductionOptions {
  /** 1: the sum of the magnitudes; 2, if not given: the root of the sum of squares; `Infinity`: the largest magnitude. */
  readonly order?: number;
  /** All axes if not given. */
  readonly axes?: number | readonly number[];
}

export const vectorNormOp: Composite<VectorNormAttributes> = {
  kind: 'composite',
  name: 'vectorNorm',
  body(inputs, { axes, keepAxes, order }) {
    const x = operand(inputs, 0);
    requireDType('vectorNorm', x.dtype, isFloat);
    if (order === '1') return sum(abs(x), axes, { keepAxes });
    if (order === 'infinity') return max(abs(x), axes, { keepAxes });
    // Squares leave the range of f16 long before the norm does.
    const wide = x.dtype === 'f16' ? cast(x, 'f32') : x;
    const total = sum(mul(wide, wide), axes, { keepAxes });
    const isZero = equal(total, 0);
    return cast(where(isZero, 0, sqrt(where(isZero, 1, total))), x.dtype);
  },
  batch: batchAxes,
  sample(draw) {
    const shape = draw.shape({ minSide: 1 });
    const axes = shape.map((_, axis) => axis).filter(() => draw.boolean());
    const order = draw.pick(['2', '1', 'infinity'] as const);
    const input =
      order === 'infinity'
        ? {
            shape,
            distinct: true,
            range: draw.pick([
              [0.5, 2],
              [-2, -0.5],
            ] as const),
          }
        : { shape, avoid: [0] };
    return { inputs: [input], attributes: { axes, keepAxes: draw.boolean(), order } };
  },
};

/** How long `x` is as a vector over `axes`. A vector of zeros has the derivative 0. */
export function vectorNorm(x: Tensor, options: VectorNormOptions = {}): Tensor {
  const { order = 2, axes, keepAxes = false } = options;
  return record(vectorNormOp, [x], {
    axes: normalizeAxes('vectorNorm', axes, x.rank),
    keepAxes,
    order: nameOfOrder(order),
  });
}

function nameOfOrder(order: number): VectorNormAttributes['order'] {
  if (order === 1) return '1';
  if (order === 2) return '2';
  if (order === Number.POSITIVE_INFINITY) return 'infinity';
  throw new LorikeetError('invalid-argument', `vectorNorm: there is no order ${order}`, {
    expected: '1, 2 or Infinity',
    received: String(order),
  });
}
