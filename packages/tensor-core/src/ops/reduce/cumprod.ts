import { batchAxis } from '../../batching.ts';
import { requireDType } from '../../dtype.ts';
import { forEachLine } from '../../lines.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { type ScanAttributes, type ScanOptions, sampleScan, shiftAlong } from '../../scan.ts';
import { normalizeAxis } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { linearRecurrence } from './linearRecurrence.ts';

export const cumprodOp: Primitive<ScanAttributes> = {
  kind: 'primitive',
  name: 'cumprod',
  infer(inputs) {
    const { shape, dtype } = operand(inputs, 0);
    requireDType('cumprod', dtype, (candidate) => candidate !== 'bool');
    return { shape, dtype };
  },
  evaluate(inputs, { axis, reverse }, output) {
    const { data, shape } = operand(inputs, 0);
    forEachLine(shape, axis, (start, step, length) => {
      let total = 1;
      for (let k = 0; k < length; k++) {
        const place = start + (reverse ? length - 1 - k : k) * step;
        total *= data[place] as number;
        output.data[place] = total;
      }
    });
  },
  derivative({ inputs, gradient, attributes: { axis, reverse } }) {
    // A factor's share is the product of those before it times what flows back to just behind them; nothing is divided, so zeros do no harm.
    const x = operand(inputs, 0);
    const back = { axis, reverse: !reverse };
    const before = cumprod(shiftAlong(x, { axis, reverse }, 1), axis, { reverse });
    return [mul(before, linearRecurrence(shiftAlong(x, back, 0), gradient, axis, back))];
  },
  batch: batchAxis,
  sample: sampleScan,
};

/** The products of the elements of `x` up to each along `axis`, itself included; with `reverse`, from each to the last. */
export function cumprod(x: Tensor, axis: number, options: ScanOptions = {}): Tensor {
  return record(cumprodOp, [x], {
    axis: normalizeAxis('cumprod', axis, x.rank),
    reverse: options.reverse ?? false,
  });
}
