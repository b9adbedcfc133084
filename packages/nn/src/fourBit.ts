import {
  abs,
  add,
  cast,
  clamp,
  dequantize,
  div,
  equal,
  expandDims,
  gather as gatherRows,
  greater,
  LorikeetError,
  max,
  mean,
  mul,
  pad,
  permute,
  promote,
  quantize,
  repeat,
  reshape,
  sliceAxis,
  sub,
  type Tensor,
  tensor,
  where,
} from '@lorikeet/tensor-core';
import { type FourBitType, fourBitCodes } from './fourBitCodes.ts';
import type { Reparam, WeightUse } from './weight.ts';

export interface FourBitOptions {
  readonly dtype: FourBitType;
  /** How many elements along the input share a scale; QLoRA takes 64. */
  readonly blockSize: number;
  /** Whether the scales are quantised too, in i8 in blocks of 256, without their mean. Defaults to false. */
  readonly doubleQuantize?: boolean;
}

/** How many scales share one of their own. */
const scalesInBlock = 256;

/**
 * A matrix or table in one of 16 numbers for each element, times a scale for each block of them along the input: QLoRA's
 * NormalFloat, Dettmers et al. 2023, https://arxiv.org/abs/2305.14314, and a 4-bit float. Packed two to a byte.
 */
export class FourBit implements Reparam {
  /** u4 [out, in], or the rows of a table: numbers of the codes in rising order. */
  readonly weight: Tensor;
  /** [out, ceil(in / blockSize)]: the largest magnitude of each block; in i8, if they are quantised too. */
  readonly scales: Tensor;
  /** Of quantised scales: [ceil(count / 256)] */
  readonly scaleSteps: Tensor | null;
  /** Of quantised scales: [] */
  readonly scaleMean: Tensor | null;
  readonly dtype: FourBitType;
  readonly blockSize: number;
  /** The axis of the weight as its layer sees it that meets the input; here it is always the last one. */
  readonly inputAxis: 0 | 1;

  constructor(
    weight: Tensor,
    scales: Tensor,
    doubled: { readonly steps: Tensor; readonly mean: Tensor } | null,
    { dtype, blockSize }: FourBitOptions,
    inputAxis: 0 | 1,
  ) {
    this.weight = weight;
    this.scales = scales;
    this.scaleSteps = doubled?.steps ?? null;
    this.scaleMean = doubled?.mean ?? null;
    this.dtype = dtype;
    this.blockSize = blockSize;
    this.inputAxis = inputAxis;
  }

  /**
   * Quantises a weight to the nearest codes.
   *
   * @param weight [out, in], or [in, out] with `inputAxis` 0, which is turned round: blocks run along the input.
   * @throws LorikeetError `invalid-argument` for a block size below 1.
   */
  static of(weight: Tensor, { inputAxis }: WeightUse, options: FourBitOptions): FourBit {
    const { blockSize, dtype, doubleQuantize = false } = options;
    if (!Number.isInteger(blockSize) || blockSize < 1) {
      throw new LorikeetError('invalid-argument', 'blocks of a weight have at least one element', {
        expected: 'a whole number above 0',
        received: String(blockSize),
      });
    }
    const rows = turned(weight, inputAxis);
    const wide = cast(rows, promote(rows.dtype, 'f32'));
    const blocks = inBlocks(wide, blockSize); // [out, blocks, block]
    const largest = cast(max(abs(blocks), -1), rows.dtype); // [out, blocks]
    const scales = where(equal(largest, 0), 1, largest);
    const doubled = doubleQuantize ? quantizedScales(scales) : null;
    const used = doubled === null ? scales : scalesOf(doubled, scales);
    const unit = clamp(div(blocks, expandDims(cast(used, wide.dtype), -1)), -1, 1);
    const codes = fourBitCodes[dtype];
    const middles = codes.slice(1).map((code, i) => (code + (codes[i] ?? 0)) / 2);
    const index = middles
      .map((middle) => cast(greater(unit, middle), 'i32'))
      .reduce((count, isAbove) => add(count, isAbove));
    const [out = 0, side = 0] = rows.shape;
    const flat = sliceAxis(reshape(index, [out, -1]), -1, 0, side);
    return new FourBit(cast(flat, 'u4'), doubled?.scales ?? scales, doubled, options, inputAxis);
  }

  /** The dequantised weight: there is no other under it. A getter, so that it is no part of the tree. */
  get base(): Tensor {
    return this.materialize();
  }

  materialize(): Tensor {
    return turned(valuesOf(this.weight, plainScales(this), this), this.inputAxis);
  }

  /** Another weight of the same layer in the same form. */
  requantize(weight: Tensor): FourBit {
    const { dtype, blockSize, inputAxis } = this;
    const doubleQuantize = this.scaleSteps !== null;
    const plain = cast(weight, plainScales(this).dtype);
    return FourBit.of(plain, { inputAxis }, { dtype, blockSize, doubleQuantize });
  }

  /** Half of the larger gap beside each element's code, times its scale, and what its scale may be off. */
  errorBound(): Tensor {
    const codes = fourBitCodes[this.dtype];
    const gaps = codes.map((code, i) => {
      const [before = code, after = code] = [codes[i - 1], codes[i + 1]];
      return Math.max(code - before, after - code) / 2;
    });
    const scales = plainScales(this);
    const near = mul(numbersAt(gaps, this.weight, scales), eachOf(scales, this));
    if (this.scaleSteps === null) return turned(near, this.inputAxis);
    const steps = repeat(mul(this.scaleSteps, 0.5), scalesInBlock, -1);
    const off = reshape(sliceAxis(steps, -1, 0, scales.size), scales.shape);
    return turned(add(near, eachOf(off, this)), this.inputAxis);
  }

  /** Dequantises the rows that are asked for, and no others. */
  gather(ids: Tensor): Tensor {
    if (this.inputAxis === 0) return gatherRows(this.materialize(), ids);
    return valuesOf(gatherRows(this.weight, ids), gatherRows(plainScales(this), ids), this);
  }
}

/** The scales as numbers. */
function plainScales({ scales, scaleSteps: steps, scaleMean: mean }: FourBit): Tensor {
  return steps === null || mean === null ? scales : scalesOf({ scales, steps, mean }, scales);
}

/** What codes stand for, with the scales of their rows. */
function valuesOf(weight: Tensor, scales: Tensor, own: FourBit): Tensor {
  return mul(numbersAt(fourBitCodes[own.dtype], weight, scales), eachOf(scales, own));
}

/** The scale of each element. */
function eachOf(scales: Tensor, { weight, blockSize }: FourBit): Tensor {
  return sliceAxis(repeat(scales, blockSize, -1), -1, 0, weight.shape.at(-1) ?? 0);
}

interface DoubledScales {
  /** i8, of the shape of the scales */
  readonly scales: Tensor;
  readonly steps: Tensor;
  readonly mean: Tensor;
}

function quantizedScales(scales: Tensor): DoubledScales {
  const middle = mean(scales);
  const rest = reshape(sub(scales, middle), [scales.size]);
  const found = quantize(rest, { dtype: 'i8', blockSize: scalesInBlock });
  return { scales: reshape(found.weight, scales.shape), steps: found.scales, mean: middle };
}

function scalesOf({ scales, steps, mean: middle }: DoubledScales, { shape }: Tensor): Tensor {
  const flat = dequantize(reshape(scales, [scales.size]), steps, null, scalesInBlock);
  return reshape(add(flat, middle), shape);
}

/** The number of a table at each code, in the dtype of the scales. */
function numbersAt(table: readonly number[], codes: Tensor, { dtype }: Tensor): Tensor {
  const values = cast(tensor(Float64Array.from(table), [table.length], 'f64'), dtype);
  return gatherRows(values, cast(codes, 'i32'));
}

/** [rows, blocks, block], filled up with zeros. */
function inBlocks(rows: Tensor, blockSize: number): Tensor {
  const [out = 0, side = 0] = rows.shape;
  const count = Math.ceil(side / blockSize);
  return reshape(pad(rows, { high: [0, count * blockSize - side] }), [out, count, blockSize]);
}

/** Between the order of axes in which a layer sees a weight and the one with the input last. */
function turned(weight: Tensor, inputAxis: 0 | 1): Tensor {
  return inputAxis === 0 ? permute(weight, [1, 0]) : weight;
}
