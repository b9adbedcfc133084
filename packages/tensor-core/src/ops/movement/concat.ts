import { batchAxis } from '../../batching.ts';
import { LorikeetError } from '../../errors.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape, normalizeAxis, type Shape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { formatType } from '../../type.ts';
import { sliceAxis } from './slice.ts';

export type ConcatAttributes = { readonly axis: number };

export const concatOp: Primitive<ConcatAttributes> = {
  kind: 'primitive',
  name: 'concat',
  infer(inputs, { axis }) {
    const first = operand(inputs, 0);
    for (const other of inputs) {
      const fits = other.dtype === first.dtype && other.shape.length === first.shape.length;
      if (fits && other.shape.every((side, i) => i === axis || side === first.shape[i])) continue;
      throw new LorikeetError(
        'shape-mismatch',
        `concat: ${formatType(first)} and ${formatType(other)} do not join along axis ${axis}`,
        {
          expected: `dtype ${first.dtype} and shape ${formatShape(first.shape)} but for axis ${axis}`,
          received: formatType(other),
        },
      );
    }
    const total = inputs.reduce((sum, { shape }) => sum + (shape[axis] as number), 0);
    return { shape: first.shape.map((side, i) => (i === axis ? total : side)), dtype: first.dtype };
  },
  evaluate(inputs, { axis }, output) {
    const blockOf = (shape: Shape): number => sizeOf(shape.slice(axis));
    const outer = sizeOf(output.shape.slice(0, axis));
    const whole = blockOf(output.shape);
    let start = 0;
    for (const { data, shape } of inputs) {
      const block = blockOf(shape);
      for (let i = 0; i < outer; i++)
        output.data.set(data.subarray(i * block, (i + 1) * block), start + i * whole);
      start += block;
    }
  },
  derivative({ inputs, gradient, attributes: { axis } }) {
    let start = 0;
    return inputs.map(({ shape }) => {
      const size = shape[axis] as number;
      start += size;
      return sliceAxis(gradient, axis, start - size, size);
    });
  },
  batch: batchAxis,
  sample(draw) {
    const shape = draw.shape({ minRank: 1 });
    const axis = draw.integer(0, shape.length - 1);
    const count = draw.integer(1, 3);
    const inputs = Array.from({ length: count }, () => ({
      shape: shape.map((side, i) => (i === axis ? draw.integer(0, 3) : side)),
    }));
    return { inputs, attributes: { axis } };
  },
  simplify: (inputs) => (inputs.length === 1 ? 0 : undefined),
};

/** The tensors one after the other along `axis`; they agree in dtype and in all other sides. */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  const [first] = tensors;
  if (first === undefined)
    throw new LorikeetError('invalid-argument', 'concat: there is no tensor to join');
  return record(concatOp, tensors, { axis: normalizeAxis('concat', axis, first.rank) });
}
