import { type DType, requireDType } from '../../dtype.ts';
import type { Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import { normalizeAxis, type Shape, stridesOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';

export type IotaAttributes = {
  readonly shape: Shape;
  readonly axis: number;
  readonly dtype: DType;
};

export const iotaOp: Primitive<IotaAttributes> = {
  kind: 'primitive',
  name: 'iota',
  infer(_, { shape, dtype }) {
    requireDType('iota', dtype, (candidate) => candidate !== 'bool', 'result');
    return { shape, dtype };
  },
  evaluate(_, { shape, axis }, output) {
    const step = stridesOf(shape)[axis] ?? 1;
    const side = shape[axis] ?? 1;
    for (let i = 0; i < output.data.length; i++) output.data[i] = Math.floor(i / step) % side;
  },
  derivative: () => [],
  batch: 'loop',
  sample(draw) {
    const shape = draw.shape({ minRank: 1 });
    const attributes = {
      shape,
      axis: draw.integer(0, shape.length - 1),
      dtype: draw.pick(['i32', 'f32'] as const),
    };
    return { inputs: [], attributes };
  },
};

/** Each element is its index along `axis`. */
export function iota(shape: Shape, axis = 0, dtype: DType = 'i32'): Tensor {
  return record(iotaOp, [], { shape, axis: normalizeAxis('iota', axis, shape.length), dtype });
}
