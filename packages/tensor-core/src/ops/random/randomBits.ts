import { requireDType } from '../../dtype.ts';
import { LorikeetError } from '../../errors.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape, type Shape, sameShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { threefryInto } from '../../threefry.ts';

export type RandomBitsAttributes = { readonly shape: Shape; readonly stream: number };

export const randomBitsOp: Primitive<RandomBitsAttributes> = {
  kind: 'primitive',
  name: 'randomBits',
  infer(inputs, { shape }) {
    const key = operand(inputs, 0);
    requireDType('randomBits', key.dtype, ['u32'], 'key');
    if (!sameShape(key.shape, [2])) {
      throw new LorikeetError('shape-mismatch', 'randomBits: not a key', {
        expected: 'u32[2], as from randomKey',
        received: formatShape(key.shape),
      });
    }
    return { shape, dtype: 'u32' };
  },
  evaluate(inputs, { stream }, output) {
    const { data } = operand(inputs, 0);
    const [k0, k1] = [data[0] as number, data[1] as number];
    threefryInto(k0, k1, stream, output.data);
  },
  derivative: 'none',
  batch: 'loop',
  sample: (draw) => ({
    inputs: [{ shape: [2], dtype: 'u32', range: [0, 4294967295] }],
    attributes: { shape: draw.shape(), stream: draw.integer(0, 5) },
  }),
};

/**
 * Uniform 32-bit words (u32), a pure function of the key, the stream and the place: elements 2i and 2i+1
 * are the two words of Threefry-2x32-20 for the counter (stream, i). The same on every backend.
 */
export function randomBits(key: Tensor, shape: Shape, stream = 0): Tensor {
  return record(randomBitsOp, [key], { shape, stream });
}
