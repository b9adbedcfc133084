import {
  cast,
  dequantize,
  gather as gatherRows,
  isQuantized,
  LorikeetError,
  mul,
  permute,
  type QuantizeOptions,
  quantize,
  quantizedDot,
  repeat,
  sliceAxis,
  type Tensor,
} from '@lorikeet/tensor-core';
import type { Reparam, WeightUse } from './weight.ts';

/** A matrix or table that is stored in whole numbers, with a scale for each block of them along the input. */
export class Quantized implements Reparam {
  /** [out, in], or the rows of a table, in i8, u8, i4 or u4. */
  readonly weight: Tensor;
  /** [out, ceil(in / blockSize)] */
  readonly scales: Tensor;
  /** Of the shape of the scales; `null` where 0 is stored as the middle. */
  readonly zeroPoints: Tensor | null;
  readonly blockSize: number;
  /** The axis of the weight as its layer sees it that meets the input; here it is always the last one. */
  readonly inputAxis: 0 | 1;

  constructor(
    weight: Tensor,
    scales: Tensor,
    zeroPoints: Tensor | null,
    blockSize: number,
    inputAxis: 0 | 1,
  ) {
    this.weight = weight;
    this.scales = scales;
    this.zeroPoints = zeroPoints;
    this.blockSize = blockSize;
    this.inputAxis = inputAxis;
  }

  /**
   * Quantises a weight.
   *
   * @param weight [out, in], or [in, out] with `inputAxis` 0, which is turned round: blocks run along the input.
   * @throws LorikeetError as `quantize` does.
   */
  static of(weight: Tensor, { inputAxis }: WeightUse, options: QuantizeOptions): Quantized {
    const { weight: whole, scales, zeroPoints } = quantize(turned(weight, inputAxis), options);
    return new Quantized(whole, scales, zeroPoints, options.blockSize, inputAxis);
  }

  /** The dequantised weight: there is no other under it. A getter, so that it is no part of the tree. */
  get base(): Tensor {
    return this.materialize();
  }

  materialize(): Tensor {
    const { weight, scales, zeroPoints, blockSize, inputAxis } = this;
    return turned(dequantize(weight, scales, zeroPoints, blockSize), inputAxis);
  }

  /** Another weight of the same layer in the same form: dtype, blocks, zero points. */
  requantize(weight: Tensor): Quantized {
    const { inputAxis, blockSize, scales, zeroPoints } = this;
    const { dtype } = this.weight;
    if (!isQuantized(dtype)) throw new LorikeetError('internal', `a weight quantised in ${dtype}`);
    const options = { dtype, blockSize, symmetric: zeroPoints === null };
    return Quantized.of(cast(weight, scales.dtype), { inputAxis }, options);
  }

  /** Half the scale of each element. */
  errorBound(): Tensor {
    const each = repeat(mul(this.scales, 0.5), this.blockSize, -1);
    return turned(sliceAxis(each, -1, 0, this.weight.shape.at(-1) ?? 0), this.inputAxis);
  }

  contract(x: Tensor, use: WeightUse): Tensor {
    const inputAxis = use.inputAxis === this.inputAxis ? 1 : 0;
    return quantizedDot(x, this, { blockSize: this.blockSize, inputAxis });
  }

  /** Dequantises the rows that are asked for, and no others. */
  gather(ids: Tensor): Tensor {
    const { weight, scales, zeroPoints, blockSize, inputAxis } = this;
    if (inputAxis === 0) return gatherRows(this.materialize(), ids);
    const rowsOf = (table: Tensor): Tensor => gatherRows(table, ids);
    const zeros = zeroPoints === null ? null : rowsOf(zeroPoints);
    return dequantize(rowsOf(weight), rowsOf(scales), zeros, blockSize);
  }
}

/** Between the order of axes in which a layer sees a weight and the one with the input last. */
function turned(weight: Tensor, inputAxis: 0 | 1): Tensor {
  return inputAxis === 0 ? permute(weight, [1, 0]) : weight;
}
