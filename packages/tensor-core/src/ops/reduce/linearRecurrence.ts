import { batchAxis } from '../../batching.ts';
import { isFloat, requireDType } from '../../dtype.ts';
import { promoteOperands } from '../../elementwise.ts';
import { LorikeetError } from '../../errors.ts';
import { forEachLine } from '../../lines.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { type ScanAttributes, type ScanOptions, sampleScan, shiftAlong } from '../../scan.ts';
import { normalizeAxis, sameShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { formatType } from '../../type.ts';
import { mul } from '../binary/mul.ts';

export const linearRecurrenceOp: Primitive<ScanAttributes> = {
  kind: 'primitive',
  name: 'linearRecurrence',
  infer(inputs) {
    const [a, b] = [operand(inputs, 0), operand(inputs, 1)];
    requireDType('linearRecurrence', a.dtype, isFloat);
    if (!sameShape(a.shape, b.shape) || a.dtype !== b.dtype) {
      throw new LorikeetError(
        'shape-mismatch',
        `linearRecurrence: ${formatType(a)} and ${formatType(b)} differ`,
        { expected: formatType(a), received: formatType(b) },
      );
    }
    return { shape: a.shape, dtype: a.dtype };
  },
  evaluate(inputs, { axis, reverse }, output) {
    const [a, b] = [operand(inputs, 0), operand(inputs, 1)];
    forEachLine(a.shape, axis, (start, step, length) => {
      let state = 0;
      for (let k = 0; k < length; k++) {
        const place = start + (reverse ? length - 1 - k : k) * step;
        // What would multiply the state before the first one plays no part, not even as NaN.
        const carried = k === 0 ? 0 : (a.data[place] as number) * state;
        state = carried + (b.data[place] as number);
        output.data[place] = state;
      }
    });
  },
  derivative({ inputs, output, gradient, attributes: { axis, reverse } }) {
    const back = { axis, reverse: !reverse };
    const flow = linearRecurrence(shiftAlong(operand(inputs, 0), back, 0), gradient, axis, back);
    return [mul(flow, shiftAlong(output, { axis, reverse }, 0)), flow];
  },
  batch: batchAxis,
  sample(draw) {
    const { inputs, attributes } = sampleScan(draw);
    return { inputs: [...inputs, ...inputs], attributes };
  },
};

/**
 * The states `h[k] = a[k] * h[k - 1] + b[k]` along `axis`, from `h[-1] = 0`: decaying sums, state-space layers,
 * the derivative of `cumprod`. With `reverse` each state follows from the one after it.
 *
 * @throws LorikeetError `shape-mismatch` where `a` and `b` differ in shape.
 */
export function linearRecurrence(
  a: Tensor,
  b: Tensor,
  axis: number,
  options: ScanOptions = {},
): Tensor {
  return record(linearRecurrenceOp, promoteOperands(a, b), {
    axis: normalizeAxis('linearRecurrence', axis, a.rank),
    reverse: options.reverse ?? false,
  });
}
