import { type LossOptions, type LossReduction, reduceLoss } from '../../lossReduction.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { broadcastShapes } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { sub } from '../binary/sub.ts';
import { square } from '../unary/square.ts';

export type LossAttributes = { readonly reduction: LossReduction };

export const meanSquaredErrorOp: Composite<LossAttributes> = {
  kind: 'composite',
  name: 'meanSquaredError',
  body(inputs, { reduction }) {
    const [x, target] = [operand(inputs, 0), operand(inputs, 1)];
    broadcastShapes('meanSquaredError', x.shape, target.shape);
    return reduceLoss(square(sub(x, target)), reduction);
  },
  sample(draw) {
    const shape = draw.shape({ minSide: 1 });
    return {
      inputs: [{ shape }, { shape: draw.broadcastable(shape) }],
      attributes: { reduction: draw.pick(['mean', 'sum', 'none'] as const) },
    };
  },
};

/** The squared difference of `x` and `target`, which broadcast; by default its mean. */
export function meanSquaredError(
  x: Tensor,
  target: Tensor,
  { reduction = 'mean' }: LossOptions = {},
): Tensor {
  return record(meanSquaredErrorOp, [x, target], { reduction });
}
