import type { DType } from '../../dtype.ts';
import type { Primitive } from '../../op.ts';
import { record } from '../../record.ts';
import type { Shape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';

export type FullAttributes = {
  readonly shape: Shape;
  readonly value: number;
  readonly dtype: DType;
};

export const fullOp: Primitive<FullAttributes> = {
  kind: 'primitive',
  name: 'full',
  infer: (_, { shape, dtype }) => ({ shape, dtype }),
  evaluate(_, { value }, output) {
    output.data.fill(value);
  },
  derivative: () => [],
  batch: 'loop',
  sample: (draw) => ({
    inputs: [],
    attributes: { shape: draw.shape(), value: draw.integer(-3, 3), dtype: 'f32' },
  }),
};

/** A tensor of `shape` in which every element is `value`. */
export function full(shape: Shape, value: number, dtype: DType = 'f32'): Tensor {
  return record(fullOp, [], { shape, value, dtype });
}

/** Zeros of `shape`. */
export function zeros(shape: Shape, dtype: DType = 'f32'): Tensor {
  return full(shape, 0, dtype);
}

/** Ones of `shape`. */
export function ones(shape: Shape, dtype: DType = 'f32'): Tensor {
  return full(shape, 1, dtype);
}
