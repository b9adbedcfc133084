import {
  isQuantized,
  joinBlocks,
  levels,
  type QuantizedDType,
  requireBlockSize,
  splitBlocks,
} from '../../blockwise.ts';
import { isFloat, requireDType } from '../../dtype.ts';
import { LorikeetError } from '../../errors.ts';
import { promote } from '../../promotion.ts';
import { formatShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { div } from '../binary/div.ts';
import { equal } from '../binary/equal.ts';
import { maximum } from '../binary/maximum.ts';
import { minimum } from '../binary/minimum.ts';
import { sub } from '../binary/sub.ts';
import { where } from '../binary/where.ts';
import { expandDims } from '../movement/expandDims.ts';
import { max } from '../reduce/max.ts';
import { min } from '../reduce/min.ts';
import { abs } from '../unary/abs.ts';
import { cast } from '../unary/cast.ts';
import { round } from '../unary/round.ts';
import { clamp } from './clamp.ts';
import type { QuantizedWeight } from './quantizedDot.ts';

export type { QuantizedDType } from '../../blockwise.ts';

export interface QuantizeOptions {
  readonly dtype: QuantizedDType;
  /** How many elements along the last axis share a scale; the last block of a row may have fewer. */
  readonly blockSize: number;
  /** Whether 0 lies in the middle of the levels; else each block has a zero point of its own. Defaults to true. */
  readonly symmetric?: boolean;
}

/**
 * A weight in whole numbers, in blocks along its last axis: the nearest level, half way the even one, as in
 * ONNX's QuantizeLinear. Symmetric, the largest magnitude of a block takes the last level (127 or 7); else its
 * range, with 0 in it, takes all of them. A block of zeros has the scale 1.
 *
 * @param x [..., K] of floats
 * @returns what `dequantize` takes: each element is off by at most half its scale, but for the rounding of the
 *   dtype of `x`, which the scales have too; and more where a scale is a subnormal number of that dtype.
 * @throws LorikeetError `invalid-argument` for a block size below 1, `dtype-mismatch` if `x` is no float,
 *   `shape-mismatch` if it is a scalar.
 */
export function quantize(
  x: Tensor,
  { dtype, blockSize, symmetric = true }: QuantizeOptions,
): QuantizedWeight {
  requireDType('quantize', x.dtype, isFloat);
  requireDType('quantize', dtype, isQuantized, 'the result');
  requireBlockSize('quantize', blockSize);
  const [side] = x.shape.slice(-1);
  if (side === undefined) throw scalarError();
  // A quotient of half floats has too few digits to be rounded once more.
  const wide = promote(x.dtype, 'f32');
  const blocks = splitBlocks(cast(x, wide), blockSize);
  const { min: lowest, max: highest, zero } = levels[dtype];
  const [bottom, top] = symmetric ? symmetricRange(blocks) : rangeWithZero(blocks);
  const steps = symmetric ? 2 * (highest - zero) : highest - lowest;
  const quotient = cast(div(sub(top, bottom), steps), x.dtype);
  const scales = where(equal(quotient, 0), 1, quotient);
  const factors = cast(scales, wide);
  const zeros = symmetric
    ? undefined
    : clamp(round(sub(lowest, div(bottom, factors))), lowest, highest);
  const nearest = round(div(blocks, expandDims(factors, -1)));
  const shifted = add(nearest, zeros === undefined ? zero : expandDims(zeros, -1));
  return {
    weight: cast(joinBlocks(clamp(shifted, lowest, highest), side), dtype),
    scales,
    zeroPoints: zeros === undefined ? null : cast(zeros, dtype),
  };
}

/** Both ends of each block's range, as far from 0 on either side. */
function symmetricRange(blocks: Tensor): [bottom: Tensor, top: Tensor] {
  const top = max(abs(blocks), -1);
  return [sub(0, top), top];
}

/** Both ends of each block's range; 0 lies in it, so that it is a level. */
function rangeWithZero(blocks: Tensor): [bottom: Tensor, top: Tensor] {
  return [minimum(min(blocks, -1), 0), maximum(max(blocks, -1), 0)];
}

function scalarError(): LorikeetError {
  return new LorikeetError(
    'shape-mismatch',
    'quantize: a scalar has no axis to take blocks along',
    {
      expected: 'a tensor of at least one axis',
      received: formatShape([]),
    },
  );
}
