import { type LossOptions, type LossReduction, reduceLoss } from '../../lossReduction.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { broadcastShapes } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { div } from '../binary/div.ts';
import { minimum } from '../binary/minimum.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { abs } from '../unary/abs.ts';

export type HuberAttributes = { readonly delta: number; readonly reduction: LossReduction };

export const huberOp: Composite<HuberAttributes> = {
  kind: 'composite',
  name: 'huber',
  body(inputs, { delta, reduction }) {
    const [x, target] = [operand(inputs, 0), operand(inputs, 1)];
    broadcastShapes('huber', x.shape, target.shape);
    const distance = abs(sub(x, target));
    const near = minimum(distance, delta);
    // near^2 / 2 within delta, and the tangent beyond it.
    return reduceLoss(mul(near, sub(distance, mul(near, 0.5))), reduction);
  },
  sample(draw) {
    const shape = draw.shape({ minSide: 1 });
    const [delta, low] = draw.pick([
      [1, 0.2],
      [0.5, 0.8],
    ] as const);
    return {
      inputs: [
        { shape, range: [low, low + 0.15] },
        { shape: draw.broadcastable(shape), range: [-0.1, 0.1] },
      ],
      attributes: { delta, reduction: draw.pick(['mean', 'sum', 'none'] as const) },
    };
  },
};

export interface HuberOptions extends LossOptions {
  /** The distance from which on the loss is linear. Defaults to 1. */
  readonly delta?: number;
}

/** Half the squared difference of `x` and `target` up to `delta`, beyond it linear (Huber 1964); by default the mean. */
export function huber(
  x: Tensor,
  target: Tensor,
  { delta = 1, reduction = 'mean' }: HuberOptions = {},
): Tensor {
  return record(huberOp, [x, target], { delta, reduction });
}

export interface SmoothL1Options extends LossOptions {
  /** The distance from which on the loss is linear. Defaults to 1. */
  readonly beta?: number;
}

/** `huber` divided by its `delta`, so that its slope is 1 beyond it (Girshick 2015). */
export function smoothL1(
  x: Tensor,
  target: Tensor,
  { beta = 1, reduction = 'mean' }: SmoothL1Options = {},
): Tensor {
  return div(huber(x, target, { delta: beta, reduction }), beta);
}
