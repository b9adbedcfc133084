import { batchElementwise } from '../../batching.ts';
import { LorikeetError } from '../../errors.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';
import { greaterEqual } from '../binary/greaterEqual.ts';
import { lessEqual } from '../binary/lessEqual.ts';
import { maximum } from '../binary/maximum.ts';
import { minimum } from '../binary/minimum.ts';
import { where } from '../binary/where.ts';

export type ClampAttributes = {
  /** `null` for no bound. */
  readonly min: number | null;
  readonly max: number | null;
};

export const clampOp: Composite<ClampAttributes> = {
  kind: 'composite',
  name: 'clamp',
  elementwise: true,
  body(inputs, { min, max }) {
    const x = operand(inputs, 0);
    const raised = min === null ? x : maximum(x, min);
    return max === null ? raised : minimum(raised, max);
  },
  derivative({ inputs, gradient, attributes: { min, max } }) {
    const x = operand(inputs, 0);
    const above = min === null ? gradient : where(greaterEqual(x, min), gradient, 0);
    return [max === null ? above : where(lessEqual(x, max), above, 0)];
  },
  batch: batchElementwise,
  sample: (draw) => ({
    inputs: [{ shape: draw.shape(), avoid: [-1, 0.5] }],
    attributes: { min: draw.pick([-1, null]), max: draw.pick([0.5, null]) },
  }),
};

/**
 * `x` kept between two bounds, at which its derivative is 1. Elementwise.
 *
 * @param min no bound if it is not given, or `-Infinity`; as `max`, for `Infinity`.
 * @throws LorikeetError `invalid-argument` if `min` is above `max`.
 */
export function clamp(
  x: Tensor,
  min: number = Number.NEGATIVE_INFINITY,
  max: number = Number.POSITIVE_INFINITY,
): Tensor {
  if (!(min <= max)) {
    throw new LorikeetError('invalid-argument', 'clamp: the bounds are the wrong way round', {
      expected: 'min <= max',
      received: `${min} and ${max}`,
    });
  }
  const bound = (value: number): number | null => (Number.isFinite(value) ? value : null);
  return record(clampOp, [x], { min: bound(min), max: bound(max) });
}
