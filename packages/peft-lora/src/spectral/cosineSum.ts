import {
  add,
  cast,
  concat,
  cos,
  type DType,
  dot,
  expandDims,
  flip,
  gather,
  iota,
  mod,
  mul,
  neg,
  reshape,
  sin,
  sliceAxis,
  stack,
  sub,
  type Tensor,
} from '@lorikeet/tensor-core';
import type { SparseEntries } from '../sparseUpdate.ts';

/**
 * The sum over the entries of a spectrum of `value * cos(2 pi (row a / height + column b / width))`, at each a and b:
 * the real part of the inverse Fourier transform of the matrix of the entries, without its division.
 *
 * It is `C - S`, with products of cosines and of sines. What these are beyond the half of each side mirrors what they
 * are before, so that a quarter of either is computed.
 *
 * @returns [height, width]
 */
export function cosineSum(
  { values, rows, columns }: SparseEntries,
  [height, width]: readonly [height: number, width: number],
): Tensor {
  const [down, across] = [
    halfTurns(rows, height, values.dtype),
    halfTurns(columns, width, values.dtype),
  ];
  const weighted = expandDims(values, 1); // [n, 1]
  const product = (a: Tensor, b: Tensor): Tensor =>
    dot(mul(a, weighted), b, { contract: [[0], [0]] });
  const [C, S] = [product(down.cos, across.cos), product(down.sin, across.sin)]; // [height / 2, width / 2]
  const [here, there] = [sub(C, S), add(C, S)];
  const upper = concat([here, mirrored(there, 1, width)], 1);
  const lower = concat([there, mirrored(here, 1, width)], 1);
  return concat([upper, mirrored(lower, 0, height)], 0);
}

/** Turns of frequencies by places up to the half of a side: [n, side / 2]. */
interface Turns {
  readonly cos: Tensor;
  readonly sin: Tensor;
}

/** @param frequencies i32 [n] */
function halfTurns(frequencies: Tensor, side: number, dtype: DType): Turns {
  const half = Math.floor(side / 2) + 1;
  if (side <= frequencies.size) {
    // All there are, the same for all weights of this side.
    const table = turnsOf(iota([side], 0), half, side, dtype);
    return { cos: gather(table.cos, frequencies), sin: gather(table.sin, frequencies) };
  }
  // A place is a number of long steps and one of short ones.
  const long = Math.ceil(Math.sqrt(half));
  const count = Math.ceil(half / long);
  const few = turnsOf(frequencies, long, side, dtype);
  const many = turnsOf(mod(mul(frequencies, long), side), count, side, dtype);
  const pair = (a: Tensor, b: Tensor, axis: number): Tensor => stack([a, b], axis);
  const short = pair(few.cos, few.sin, 1); // [n, 2, long]
  const turned = (turns: Tensor): Tensor => {
    const all = dot(turns, short, { batch: [[0], [0]], contract: [[2], [1]] }); // [n, count, long]
    return sliceAxis(reshape(all, [frequencies.size, count * long]), 1, 0, half);
  };
  return {
    cos: turned(pair(many.cos, neg(many.sin), 2)),
    sin: turned(pair(many.sin, many.cos, 2)),
  };
}

/** exp(2 pi i f k / side) of frequencies f, for k up to `count`: [n, count]. */
function turnsOf(frequencies: Tensor, count: number, side: number, dtype: DType): Turns {
  // Whole turns are taken off while they are exact.
  const steps = mod(mul(expandDims(frequencies, 1), iota([count], 0)), side);
  const angles = mul(cast(steps, dtype), (2 * Math.PI) / side);
  return { cos: cos(angles), sin: sin(angles) };
}

/** What follows along an axis up to `side`, where each place is as the one that is as far from the end. */
function mirrored(x: Tensor, axis: number, side: number): Tensor {
  return flip(sliceAxis(x, axis, 1, side - (x.shape[axis] ?? 0)), axis);
}
