import { batchWith } from '../../batching.ts';
import { LorikeetError } from '../../errors.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape, sameShape, stridesOf } from '../../shape.ts';
import { forEachRow } from '../../strides.ts';
import type { Tensor } from '../../tensor.ts';
import { slice } from './slice.ts';

export type PadAttributes = {
  /** Zeros before the first, after the last and between two elements of each axis. */
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly interior: readonly number[];
};

export const padOp: Primitive<PadAttributes> = {
  kind: 'primitive',
  name: 'pad',
  infer(inputs, attributes) {
    const { shape, dtype } = operand(inputs, 0);
    for (const list of [attributes.low, attributes.high, attributes.interior]) {
      if (
        list.length === shape.length &&
        list.every((count) => Number.isInteger(count) && count >= 0)
      )
        continue;
      throw new LorikeetError(
        'invalid-argument',
        `pad: ${formatShape(list)} does not fit ${formatShape(shape)}`,
        {
          expected: `${shape.length} counts of at least 0 each for low, high and interior`,
          received: formatShape(list),
          hint: 'to take elements away, use slice',
        },
      );
    }
    const { low, high, interior } = attributes;
    const padded = shape.map(
      (side, axis) =>
        (low[axis] as number) +
        (high[axis] as number) +
        side +
        Math.max(side - 1, 0) * (interior[axis] as number),
    );
    return { shape: padded, dtype };
  },
  evaluate(inputs, { low, interior }, output) {
    const { data, shape } = operand(inputs, 0);
    output.data.fill(0);
    const strides = stridesOf(output.shape);
    const origin = low.reduce((sum, count, axis) => sum + count * (strides[axis] as number), 0);
    const jumps = strides.map((stride, axis) => stride * (1 + (interior[axis] as number)));
    forEachRow(shape, [jumps], (row, [start], [step], length) => {
      const [to, by] = [origin + (start as number), step ?? 1];
      for (let k = 0; k < length; k++) output.data[to + by * k] = data[row + k] as number;
    });
  },
  derivative({ inputs, gradient, attributes: { low, interior } }) {
    return [
      slice(
        gradient,
        low,
        operand(inputs, 0).shape,
        interior.map((gap) => gap + 1),
      ),
    ];
  },
  batch: batchWith(({ low, high, interior }) => ({
    low: [0, ...low],
    high: [0, ...high],
    interior: [0, ...interior],
  })),
  sample(draw) {
    const shape = draw.shape({ minSide: 1 });
    const counts = (): number[] => shape.map(() => draw.integer(0, 2));
    return {
      inputs: [{ shape }],
      attributes: { low: counts(), high: counts(), interior: counts() },
    };
  },
  simplify: ([x], _, type) => (x !== undefined && sameShape(x.shape, type.shape) ? 0 : undefined),
};

/** `x` with zeros around it, and, with `interior`, between its elements. */
export function pad(x: Tensor, padding: Partial<PadAttributes>): Tensor {
  const none = x.shape.map(() => 0);
  const { low = none, high = none, interior = none } = padding;
  return record(padOp, [x], { low, high, interior });
}
