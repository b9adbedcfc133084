import { batchElementwise } from '../../batching.ts';
import { type DType, dtypes, isFloat } from '../../dtype.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor } from '../../tensor.ts';

export type CastAttributes = { readonly dtype: DType };

export const castOp: Primitive<CastAttributes> = {
  kind: 'primitive',
  name: 'cast',
  elementwise: true,
  vanishes: 'every',
  infer: (inputs, { dtype }) => ({ shape: operand(inputs, 0).shape, dtype }),
  evaluate(inputs, { dtype }, output) {
    const { data } = operand(inputs, 0);
    if (dtype !== 'bool') output.data.set(data);
    else for (let i = 0; i < data.length; i++) output.data[i] = data[i] === 0 ? 0 : 1;
  },
  derivative({ inputs, gradient }) {
    const { dtype } = operand(inputs, 0);
    return [isFloat(dtype) && isFloat(gradient.dtype) ? cast(gradient, dtype) : null];
  },
  batch: batchElementwise,
  sample: (draw) => ({
    inputs: [{ shape: draw.shape(), range: [0, 3], avoid: [0, 1, 2, 3] }],
    attributes: {
      dtype: draw.pick(
        dtypes.filter((dtype) => dtype !== 'f16' && dtype !== 'bf16' && dtype !== 'f32'),
      ),
    },
  }),
  simplify: ([x], { dtype }) => (x?.dtype === dtype ? 0 : undefined),
};

/**
 * `x` in another dtype. Floats are rounded to nearest, numbers become bool by "is not 0", and integers
 * drop the fraction and wrap.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : record(castOp, [x], { dtype });
}
