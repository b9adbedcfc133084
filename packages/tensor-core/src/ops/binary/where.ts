import { batchElementwise } from '../../batching.ts';
import { requireDType } from '../../dtype.ts';
import { promoteOperands } from '../../elementwise.ts';
import { LorikeetError } from '../../errors.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { broadcastShapes } from '../../shape.ts';
import { broadcastStrides, forEachRow } from '../../strides.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { broadcastTo } from '../movement/broadcastTo.ts';

export const whereOp: Primitive<NoAttributes> = {
  kind: 'primitive',
  name: 'where',
  wgsl: ([condition, a, b]) => `select(${b}, ${a}, ${condition})`,
  elementwise: true,
  infer(inputs) {
    const [condition, a, b] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    requireDType('where', condition.dtype, ['bool'], 'condition');
    if (a.dtype !== b.dtype) {
      throw new LorikeetError('dtype-mismatch', `where: choices are ${a.dtype} and ${b.dtype}`, {
        hint: 'cast one of them',
      });
    }
    // Two by two: an error tells the shapes that were given.
    broadcastShapes('where', condition.shape, b.shape);
    const choices = broadcastShapes('where', a.shape, b.shape);
    broadcastShapes('where', condition.shape, a.shape);
    return { shape: broadcastShapes('where', condition.shape, choices), dtype: a.dtype };
  },
  evaluate(inputs, _, output) {
    const [condition, a, b] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    const strides = [condition, a, b].map(({ shape }) => broadcastStrides(shape, output.shape));
    forEachRow(output.shape, strides, (row, offsets, steps, length) => {
      const [c, p, q] = offsets as [number, number, number];
      const [stepC, stepP, stepQ] = steps as [number, number, number];
      for (let k = 0; k < length; k++) {
        const isFalse = condition.data[c + stepC * k] === 0;
        output.data[row + k] = (isFalse ? b.data[q + stepQ * k] : a.data[p + stepP * k]) as number;
      }
    });
  },
  derivative({ inputs, gradient }) {
    const condition = broadcastTo(operand(inputs, 0), gradient.shape);
    return [null, where(condition, gradient, 0), where(condition, 0, gradient)];
  },
  batch: batchElementwise,
  sample(draw) {
    const shape = draw.shape();
    return {
      inputs: [
        { shape: draw.broadcastable(shape), dtype: 'bool' },
        { shape },
        { shape: draw.broadcastable(shape) },
      ],
      attributes: {},
    };
  },
};

/** `a` where `condition` (bool) holds, else `b`. Elementwise, with broadcasting of all three. */
export function where(condition: Tensor, a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoteOperands(a, b);
  return record(whereOp, [condition, x, y], {});
}
