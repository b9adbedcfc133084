import { batchWith } from '../../batching.ts';
import {
  joinBlocks,
  levels,
  type QuantizedDType,
  requireBlocks,
  stepsOf,
} from '../../blockwise.ts';
import type { Composite, Draw, SampleInput } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Shape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { expandDims } from '../movement/expandDims.ts';

/** The operands are the weight, the scales and, if there are any, the zero points. */
export type DequantizeAttributes = {
  /** How many elements along the last axis of the weight share a scale. */
  readonly blockSize: number;
};

export const dequantizeOp: Composite<DequantizeAttributes> = {
  kind: 'composite',
  name: 'dequantize',
  body(inputs, { blockSize }) {
    const [weight, scales, zeroPoints] = [operand(inputs, 0), operand(inputs, 1), inputs[2]];
    requireBlocks('dequantize', weight, scales, zeroPoints, blockSize);
    const steps = stepsOf(weight, scales, zeroPoints, blockSize);
    return joinBlocks(mul(steps, expandDims(scales, -1)), weight.shape.at(-1) ?? 0);
  },
  batch: batchWith((attributes) => attributes),
  sample(draw) {
    const blockSize = draw.integer(1, 4);
    return {
      inputs: sampleQuantized(draw, [...draw.shape({ maxRank: 2 }), draw.integer(0, 6)], blockSize),
      attributes: { blockSize },
    };
  },
};

/**
 * The numbers that a weight quantised in blocks along its last axis stands for: `(weight - zero) * scale`.
 * ONNX's DequantizeLinear along the last axis; in two axes, with whole blocks, the bytes of a u4 weight and its
 * zero points are those of ONNX Runtime's MatMulNBits.
 *
 * @param weight [..., K] in i8, u8, i4 or u4
 * @param scales [..., ceil(K / blockSize)], of the dtype of the result
 * @param zeroPoints of the shape of the scales and the dtype of the weight. Without them 0 is stored as 0 in a
 *   signed dtype, and as the middle, 128 or 8, in an unsigned one.
 * @returns [..., K]. There is a derivative by the scales.
 * @throws LorikeetError `shape-mismatch` or `dtype-mismatch` if they do not fit, `invalid-argument` for a block
 *   size below 1.
 */
export function dequantize(
  weight: Tensor,
  scales: Tensor,
  zeroPoints: Tensor | null,
  blockSize: number,
): Tensor {
  const given = zeroPoints === null ? [] : [zeroPoints];
  return record(dequantizeOp, [weight, scales, ...given], { blockSize });
}

/** A weight of any dtype, its scales, and maybe zero points. */
export function sampleQuantized(draw: Draw, shape: Shape, blockSize: number): SampleInput[] {
  const dtype = draw.pick<QuantizedDType>(['i8', 'u8', 'i4', 'u4']);
  const { min, max } = levels[dtype];
  const perBlock = [...shape.slice(0, -1), Math.ceil((shape.at(-1) ?? 0) / blockSize)];
  return [
    { shape, dtype, range: [min, max] },
    { shape: perBlock },
    ...(draw.boolean() ? [{ shape: perBlock, dtype, range: [min, max] } as const] : []),
  ];
}
