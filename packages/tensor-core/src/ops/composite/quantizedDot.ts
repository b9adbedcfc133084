import { batchLoop } from '../../batching.ts';
import { requireBlocks, splitBlocks, stepsOf } from '../../blockwise.ts';
import { promoteOperands } from '../../elementwise.ts';
import { LorikeetError } from '../../errors.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { dot } from '../contraction/dot.ts';
import { sum } from '../reduce/sum.ts';
import { dequantize, sampleQuantized } from './dequantize.ts';

/** The operands are the input, the weight, the scales and, if there are any, the zero points. */
export type QuantizedDotAttributes = {
  /** How many elements along the last axis of the weight share a scale, whichever axis meets the input. */
  readonly blockSize: number;
  /** The axis of the weight that meets the last axis of the input. */
  readonly inputAxis: 0 | 1;
};

export const quantizedDotOp: Composite<QuantizedDotAttributes> = {
  kind: 'composite',
  name: 'quantizedDot',
  body(inputs, { blockSize, inputAxis }) {
    const { x, weight, scales, zeroPoints } = partsOf(inputs);
    requireBlocks('quantizedDot', weight, scales, zeroPoints, blockSize);
    requireFit(x, weight, inputAxis);
    const plain = dequantize(weight, scales, zeroPoints ?? null, blockSize);
    return dot(x, plain, { contract: [[-1], [inputAxis]] });
  },
  derivative({ inputs, gradient, attributes: { blockSize, inputAxis } }) {
    const { x, weight, scales, zeroPoints } = partsOf(inputs);
    // The same product over the other axis: a backend reads the one stored weight in both directions.
    const byX = record(quantizedDotOp, [gradient, ...inputs.slice(1)], {
      blockSize,
      inputAxis: inputAxis === 1 ? 0 : 1,
    });
    const leading = x.shape.slice(0, -1).map((_, axis) => axis);
    const [rows, columns] = inputAxis === 1 ? [gradient, x] : [x, gradient];
    const byWeight = dot(rows, columns, { contract: [leading, leading] });
    const steps = stepsOf(weight, scales, zeroPoints, blockSize);
    const byScales = sum(mul(splitBlocks(byWeight, blockSize), steps), -1);
    return [byX, null, byScales, ...(zeroPoints === undefined ? [] : [null])];
  },
  batch: (args) => {
    const { inputs, isBatched, attributes } = args;
    const [, ...isPartBatched] = isBatched;
    // The new axis is one more of those that the input may have in front.
    if (!isPartBatched.includes(true)) return record(quantizedDotOp, inputs, attributes);
    return batchLoop(args);
  },
  sample(draw) {
    const blockSize = draw.integer(1, 4);
    const inputAxis = draw.pick([0, 1] as const);
    const shape = [draw.integer(0, 5), draw.integer(0, 5)];
    const input = { shape: [...draw.shape({ maxRank: 2 }), shape[inputAxis] ?? 0] };
    return {
      inputs: [input, ...sampleQuantized(draw, shape, blockSize)],
      attributes: { blockSize, inputAxis },
    };
  },
};

export interface QuantizedWeight {
  /** [N, K], or [K, N] with `inputAxis` 0; i8, u8, i4 or u4. */
  readonly weight: Tensor;
  /** One for each block along the last axis of the weight. */
  readonly scales: Tensor;
  /** Of the shape of the scales and the dtype of the weight; `null` where 0 is stored as the middle. */
  readonly zeroPoints: Tensor | null;
}

/**
 * The product with a weight that stays quantised: `dot(x, dequantize(weight))`, which a backend may compute
 * without the dequantised weight. ONNX Runtime's MatMulNBits, for `inputAxis` 1.
 *
 * @param x [..., K]
 * @returns [..., N], of the dtype that those of `x` and the scales promote to. There is a derivative by both.
 * @throws LorikeetError as `dequantize` does, and `shape-mismatch` if the input does not meet the weight.
 */
export function quantizedDot(
  x: Tensor,
  { weight, scales, zeroPoints }: QuantizedWeight,
  { blockSize, inputAxis }: QuantizedDotAttributes,
): Tensor {
  const [input, factors] = promoteOperands(x, scales);
  const given = zeroPoints === null ? [] : [zeroPoints];
  return record(quantizedDotOp, [input, weight, factors, ...given], { blockSize, inputAxis });
}

function partsOf(inputs: readonly Tensor[]): {
  x: Tensor;
  weight: Tensor;
  scales: Tensor;
  zeroPoints: Tensor | undefined;
} {
  const [x, weight, scales] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
  return { x, weight, scales, zeroPoints: inputs[3] };
}

function requireFit(x: Tensor, weight: Tensor, inputAxis: 0 | 1): void {
  const side = weight.shape[inputAxis];
  if (weight.rank === 2 && x.shape.at(-1) === side) return;
  throw new LorikeetError(
    'shape-mismatch',
    `quantizedDot: input ${formatShape(x.shape)} does not meet axis ${inputAxis} of ${formatShape(weight.shape)}`,
    {
      expected: `a weight of two axes, and a last axis of the input of its side ${side ?? 'along that axis'}`,
      received: `${formatShape(x.shape)} and ${formatShape(weight.shape)}`,
    },
  );
}
