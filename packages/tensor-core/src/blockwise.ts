import { type DType, isFloat, requireDType } from './dtype.ts';
import { LorikeetError } from './errors.ts';
import { sub } from './ops/binary/sub.ts';
import { expandDims } from './ops/movement/expandDims.ts';
import { pad } from './ops/movement/pad.ts';
import { reshape } from './ops/movement/reshape.ts';
import { sliceAxis } from './ops/movement/slice.ts';
import { cast } from './ops/unary/cast.ts';
import { formatShape, sameShape } from './shape.ts';
import type { Tensor } from './tensor.ts';
import { formatType } from './type.ts';

/** What holds the elements of a quantised weight. */
export type QuantizedDType = 'i8' | 'u8' | 'i4' | 'u4';

interface Levels {
  readonly min: number;
  readonly max: number;
  /** What stands for 0 where no zero points are given: the middle, as in ONNX Runtime's MatMulNBits. */
  readonly zero: number;
}

/** The whole numbers that each dtype of quantised weights has. */
export const levels: Readonly<Record<QuantizedDType, Levels>> = {
  i8: { min: -128, max: 127, zero: 0 },
  u8: { min: 0, max: 255, zero: 128 },
  i4: { min: -8, max: 7, zero: 0 },
  u4: { min: 0, max: 15, zero: 8 },
};

/** Whether weights can be quantised to `dtype`. */
export function isQuantized(dtype: DType): dtype is QuantizedDType {
  return Object.hasOwn(levels, dtype);
}

/** `x` [..., K] with its last axis in blocks, [..., ceil(K / blockSize), block]; the last one is filled up with zeros. */
export function splitBlocks(x: Tensor, blockSize: number): Tensor {
  const [side, sides] = [x.shape.at(-1) ?? 0, x.shape.slice(0, -1)];
  const count = blockCount(x, blockSize);
  const size = count < 2 ? Math.max(side, 1) : blockSize;
  const rest = count * size - side;
  const filled = rest === 0 ? x : pad(x, { high: [...sides.map(() => 0), rest] });
  return reshape(filled, [...sides, count, size]);
}

/** The first `side` elements of each row of blocks: the way back from `splitBlocks`. */
export function joinBlocks(blocks: Tensor, side: number): Tensor {
  const [count = 0, size = 0] = blocks.shape.slice(-2);
  const rows = reshape(blocks, [...blocks.shape.slice(0, -2), count * size]);
  return count * size === side ? rows : sliceAxis(rows, -1, 0, side);
}

/** What the scales of a quantised weight are multiplied with, in their dtype: [..., blocks, block]. */
export function stepsOf(
  weight: Tensor,
  scales: Tensor,
  zeroPoints: Tensor | undefined,
  blockSize: number,
): Tensor {
  const steps = splitBlocks(cast(weight, scales.dtype), blockSize);
  if (zeroPoints !== undefined) return sub(steps, expandDims(cast(zeroPoints, steps.dtype), -1));
  const zero = isQuantized(weight.dtype) ? levels[weight.dtype].zero : 0;
  return zero === 0 ? steps : sub(steps, zero);
}

/** Refuses what is no weight in blocks along its last axis, naming the op. */
export function requireBlocks(
  op: string,
  weight: Tensor,
  scales: Tensor,
  zeroPoints: Tensor | undefined,
  blockSize: number,
): void {
  requireBlockSize(op, blockSize);
  requireDType(op, weight.dtype, isQuantized, 'the weight');
  requireDType(op, scales.dtype, isFloat, 'the scales');
  const shape = [...weight.shape.slice(0, -1), blockCount(weight, blockSize)];
  if (weight.rank === 0 || !sameShape(scales.shape, shape)) {
    throw new LorikeetError(
      'shape-mismatch',
      `${op}: scales ${formatShape(scales.shape)} do not fit the blocks of ${formatShape(weight.shape)}`,
      {
        expected: `${formatShape(shape)}, one for each ${blockSize} elements along the last axis`,
        received: formatShape(scales.shape),
      },
    );
  }
  if (zeroPoints === undefined) return;
  if (zeroPoints.dtype === weight.dtype && sameShape(zeroPoints.shape, shape)) return;
  throw new LorikeetError(
    zeroPoints.dtype === weight.dtype ? 'shape-mismatch' : 'dtype-mismatch',
    `${op}: zero points ${formatType(zeroPoints.type)} do not fit the weight ${formatType(weight.type)}`,
    {
      expected: formatType({ dtype: weight.dtype, shape }),
      received: formatType(zeroPoints.type),
    },
  );
}

/** Refuses what is no length of a block, naming the op. */
export function requireBlockSize(op: string, blockSize: number): void {
  if (Number.isInteger(blockSize) && blockSize > 0) return;
  throw new LorikeetError('invalid-argument', `${op}: a block cannot have ${blockSize} elements`, {
    expected: 'a whole number of at least 1',
    received: String(blockSize),
  });
}

function blockCount(x: Tensor, blockSize: number): number {
  return Math.ceil((x.shape.at(-1) ?? 0) / blockSize);
}
