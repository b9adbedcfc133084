import { isFloat } from '../dtype.ts';
import { LorikeetError } from '../errors.ts';
import { add } from '../ops/binary/add.ts';
import { div } from '../ops/binary/div.ts';
import { equal } from '../ops/binary/equal.ts';
import { logicalAnd } from '../ops/binary/logicalAnd.ts';
import { maximum } from '../ops/binary/maximum.ts';
import { minimum } from '../ops/binary/minimum.ts';
import { mul } from '../ops/binary/mul.ts';
import { where } from '../ops/binary/where.ts';
import { full } from '../ops/create/full.ts';
import { sum } from '../ops/reduce/sum.ts';
import { cast } from '../ops/unary/cast.ts';
import { isFinite as finiteElements } from '../ops/unary/isFinite.ts';
import { logicalNot } from '../ops/unary/logicalNot.ts';
import type { Tensor } from '../tensor.ts';
import { flattenTree, mapTensors } from '../tree.ts';
import { valueAndGradWithAux } from './grad.ts';

/** A tree of tensors, to be carried from step to step. */
export interface LossScale {
  /** f32 scalar: what the loss is multiplied with. */
  readonly scale: Tensor;
  /** i32 scalar: how many steps in a row had finite gradients. */
  readonly steps: Tensor;
}

export interface LossScaling {
  init(): LossScale;
  /** @param finite bool scalar: whether the gradients of the step were finite. */
  update(state: LossScale, finite: Tensor): LossScale;
}

export interface LossScalingOptions {
  /** Defaults to 2^15. */
  readonly initial?: number;
  /** What the scale is multiplied with, and divided by. Defaults to 2. */
  readonly factor?: number;
  /** After so many finite steps in a row the scale grows. Defaults to 2000. */
  readonly interval?: number;
  /** Defaults to 1. */
  readonly least?: number;
  /** Defaults to 2^24. */
  readonly most?: number;
}

/**
 * A scale for the loss that keeps small gradients in f16 from vanishing: it grows while all is well and
 * shrinks when a gradient overflows. Micikevicius et al. 2018.
 *
 * @throws LorikeetError `invalid-argument` for a scale that is not positive, or a factor of at most 1.
 */
export function dynamicLossScaling(options: LossScalingOptions = {}): LossScaling {
  const { initial = 2 ** 15, factor = 2, interval = 2000, least = 1, most = 2 ** 24 } = options;
  if (!(least > 0 && initial >= least && initial <= most && factor > 1 && interval >= 1)) {
    throw new LorikeetError('invalid-argument', 'dynamicLossScaling: options that do not fit', {
      expected: '0 < least <= initial <= most, factor > 1, interval >= 1',
      received: JSON.stringify({ initial, factor, interval, least, most }),
    });
  }
  return {
    init: () => ({ scale: full([], initial), steps: full([], 0, 'i32') }),
    update({ scale, steps }, allFinite) {
      const grows = equal(add(steps, 1), interval);
      const good = where(grows, minimum(mul(scale, factor), most), scale);
      const bad = maximum(div(scale, factor), least);
      return {
        scale: where(allFinite, good, bad),
        steps: where(logicalAnd(allFinite, logicalNot(grows)), add(steps, 1), 0),
      };
    },
  };
}

/**
 * Like `valueAndGrad`, but the derivative is taken of `scale` times the loss and divided by it at the end, so
 * that what is small does not vanish in f16 on the way.
 *
 * @returns value and derivative as without a scale, and whether all of the derivative is finite; if not, the
 *   step is to be left out and the scale made smaller (`LossScaling.update`).
 */
export function valueAndScaledGrad<First, Rest extends readonly unknown[]>(
  fn: (first: First, ...rest: Rest) => Tensor,
): (
  scale: Tensor,
  first: First,
  ...rest: Rest
) => { value: Tensor; gradient: First; finite: Tensor } {
  return (scale, first, ...rest) => {
    const scaled = valueAndGradWithAux((input: First) => {
      const value = fn(input, ...rest);
      return { value: mul(cast(value, 'f32'), scale), aux: value };
    });
    const { gradient: product, aux: value } = scaled(first);
    const gradient = mapTensors(product, (part) =>
      isFloat(part.dtype) ? cast(div(part, scale), part.dtype) : part,
    );
    return { value, gradient, finite: allFinite(product) };
  };
}

/** bool scalar: whether all elements of all floating-point tensors of a tree are finite. */
export function allFinite(tree: unknown): Tensor {
  const parts = flattenTree(tree).leaves.filter(({ dtype }) => isFloat(dtype));
  return parts
    .map((part) => equal(sum(cast(logicalNot(finiteElements(part)), 'f32')), 0))
    .reduce((total, part) => logicalAnd(total, part), full([], 1, 'bool'));
}
