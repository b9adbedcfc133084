import { batchAxis } from '../../batching.ts';
import { requireDType } from '../../dtype.ts';
import { forEachLine } from '../../lines.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { type ScanAttributes, type ScanOptions, sampleScan } from '../../scan.ts';
import { normalizeAxis } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';

export const cumsumOp: Primitive<ScanAttributes> = {
  kind: 'primitive',
  name: 'cumsum',
  infer(inputs) {
    const { shape, dtype } = operand(inputs, 0);
    requireDType('cumsum', dtype, (candidate) => candidate !== 'bool');
    return { shape, dtype };
  },
  evaluate(inputs, { axis, reverse }, output) {
    const { data, shape } = operand(inputs, 0);
    forEachLine(shape, axis, (start, step, length) => {
      // The running sum is in f64 whatever the dtype, as in `sum`.
      let total = 0;
      for (let k = 0; k < length; k++) {
        const place = start + (reverse ? length - 1 - k : k) * step;
        total += data[place] as number;
        output.data[place] = total;
      }
    });
  },
  derivative: ({ gradient, attributes: { axis, reverse } }) => [
    cumsum(gradient, axis, { reverse: !reverse }),
  ],
  batch: batchAxis,
  sample: sampleScan,
};

/** The sums of the elements of `x` up to each along `axis`, itself included; with `reverse`, from each to the last. */
export function cumsum(x: Tensor, axis: number, options: ScanOptions = {}): Tensor {
  return record(cumsumOp, [x], {
    axis: normalizeAxis('cumsum', axis, x.rank),
    reverse: options.reverse ?? false,
  });
}
