import type { DType } from '../../dtype.ts';
import type { Composite, Sample } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { normalizeAxis } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { div } from '../binary/div.ts';
import { greater } from '../binary/greater.ts';
import { maximum } from '../binary/maximum.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { where } from '../binary/where.ts';
import { sum } from '../reduce/sum.ts';
import { abs } from '../unary/abs.ts';
import { sign } from '../unary/sign.ts';
import { sqrt } from '../unary/sqrt.ts';

export type NormalizeAttributes = {
  readonly p: 1 | 2;
  readonly axis: number;
  readonly epsilon: number;
};

export const normalizeOp: Composite<NormalizeAttributes> = {
  kind: 'composite',
  name: 'normalize',
  body: (inputs, attributes) => {
    const x = operand(inputs, 0);
    return div(x, normsOf(x, attributes).norm);
  },
  derivative({ inputs, output, gradient, attributes }) {
    const x = operand(inputs, 0);
    const { norm, isLong } = normsOf(x, attributes);
    const slope = attributes.p === 2 ? output : sign(x);
    const along = sum(mul(gradient, output), attributes.axis, { keepAxes: true });
    return [div(sub(gradient, mul(slope, where(isLong, along, 0))), norm)];
  },
  sample(draw): Sample<NormalizeAttributes> {
    const shape = draw.shape({ minRank: 1 });
    const attributes = {
      p: draw.pick([1, 2] as const),
      axis: draw.integer(0, shape.length - 1),
      epsilon: draw.pick([1e-12, 100]),
    };
    return { inputs: [{ shape, arrange: awayFromZero }], attributes };
  },
};

export interface NormalizeOptions {
  /** 1 for the sum of magnitudes, 2 for the root of the sum of squares. Defaults to 2. */
  readonly p?: 1 | 2;
  /** Defaults to the last. */
  readonly axis?: number;
  /** What a shorter norm counts as, so that zeros stay zeros. Defaults to 1e-12. */
  readonly epsilon?: number;
}

/** `x` divided by its norm along an axis. */
export function normalize(x: Tensor, options: NormalizeOptions = {}): Tensor {
  const { p = 2, axis = -1, epsilon = 1e-12 } = options;
  return record(normalizeOp, [x], { p, axis: normalizeAxis('normalize', axis, x.rank), epsilon });
}

/** The norms, at least epsilon, and whether they are longer than that. */
function normsOf(
  x: Tensor,
  { p, axis, epsilon }: NormalizeAttributes,
): { norm: Tensor; isLong: Tensor } {
  const total = sum(p === 2 ? mul(x, x) : abs(x), axis, { keepAxes: true });
  const least = Math.max(p === 2 ? epsilon ** 2 : epsilon, leastPositive(x.dtype));
  // Bounded before the root is taken, whose derivative at 0 is infinite.
  const bounded = maximum(total, least);
  return { norm: p === 2 ? sqrt(bounded) : bounded, isLong: greater(total, least) };
}

/** Where the square of a small epsilon would be 0, and 0 / 0 not a number. */
function leastPositive(dtype: DType): number {
  return dtype === 'f16' ? 2 ** -24 : 2 ** -126;
}

function awayFromZero(values: readonly number[]): number[] {
  return values.map((value) => (value < 0 ? value - 0.5 : value + 0.5));
}
