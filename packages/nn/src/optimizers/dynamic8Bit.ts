import {
  abs,
  cast,
  div,
  equal,
  full,
  gather,
  less,
  max,
  maximum,
  minimum,
  mul,
  neg,
  pad,
  reshape,
  round,
  sliceAxis,
  sub,
  type Tensor,
  tensor,
  where,
} from '@lorikeet/tensor-core';

/** Values in a byte each, in blocks that share a scale. */
export interface Dynamic8Bit {
  /** [blocks, size of a block] i8 with a sign, else u8 */
  readonly codes: Tensor;
  /** [blocks, 1] f32: the largest magnitude of each block. */
  readonly scales: Tensor;
}

/** Elements that share a scale, as in bitsandbytes. */
const blockSize = 256;

/**
 * Dynamic tree quantisation by blocks: the code of a magnitude a times the largest of its block says how many powers of ten a is below 1, by the
 * place of its highest bit, and with the bits below where it is between two of them: finely near 1, and still something seven powers below.
 * Dettmers et al. 2022, https://arxiv.org/abs/2110.02861, section 2.2
 *
 * @param x floats; without `isSigned`, none below 0.
 */
export function encodeDynamic8Bit(x: Tensor, isSigned: boolean): Dynamic8Bit {
  const count = Math.ceil(x.size / blockSize);
  const flat = pad(reshape(cast(x, 'f32'), [x.size]), { high: [count * blockSize - x.size] });
  const blocks = reshape(flat, [count, blockSize]);
  const scales = max(abs(blocks), 1, { keepAxes: true }); // [count, 1]
  const share = div(abs(blocks), where(equal(scales, 0), 1, scales)); // in [0, 1]
  const exponents = exponentsOf(isSigned);
  // How many powers of ten it is below 1: exactly, on every backend.
  const exponent = Array.from({ length: exponents - 1 }, (_, i) => 10 ** -(i + 1)).reduce(
    (sum, power) => sum.add(cast(less(share, power), 'i32')),
    full(share.shape, 0, 'i32'),
  );
  const steps = cast(gather(stepsTable(isSigned), exponent), 'f32');
  const raised = mul(share, gather(powersTable(isSigned), exponent)); // in [0.1, 1]
  const place = round(sub(mul(div(sub(raised, 0.1), 0.9), steps), 0.5));
  const code = steps.add(minimum(maximum(place, 0), sub(steps, 1)));
  // What is not 0 stays so without a sign, since roots of mean squares are divided by; else 0 may be nearer.
  if (!isSigned) return { codes: cast(where(equal(share, 0), 0, code), 'u8'), scales };
  const magnitude = where(less(share, 0.275 * 10 ** (1 - exponents)), 0, code);
  return { codes: cast(where(less(blocks, 0), neg(magnitude), magnitude), 'i8'), scales };
}

/** The values of codes, in f32. */
export function decodeDynamic8Bit(
  { codes, scales }: Dynamic8Bit,
  shape: readonly number[],
): Tensor {
  const isSigned = codes.dtype === 'i8';
  const whole = cast(codes, 'i32');
  const share = gather(valuesTable(isSigned), abs(whole));
  const values = mul(isSigned ? where(less(whole, 0), neg(share), share) : share, scales);
  const size = shape.reduce((product, side) => product * side, 1);
  return reshape(sliceAxis(reshape(values, [values.size]), 0, 0, size), shape);
}

/** How many powers of ten codes tell apart. */
function exponentsOf(isSigned: boolean): number {
  return isSigned ? 7 : 8;
}

/** By exponent: how many values lie between two powers of ten. */
function stepsTable(isSigned: boolean): Tensor {
  const exponents = exponentsOf(isSigned);
  return tensor(
    Array.from({ length: exponents }, (_, i) => 2 ** (exponents - 1 - i)),
    [exponents],
    'i32',
  );
}

function powersTable(isSigned: boolean): Tensor {
  const exponents = exponentsOf(isSigned);
  return tensor(Array.from({ length: exponents }, (_, i) => 10 ** i));
}

/** By code: the middle of what it stands for. */
function valuesTable(isSigned: boolean): Tensor {
  const exponents = exponentsOf(isSigned);
  const values = [0];
  for (let exponent = exponents - 1; exponent >= 0; exponent--) {
    const steps = 2 ** (exponents - 1 - exponent);
    for (let i = 0; i < steps; i++) values.push((0.1 + (0.9 * (i + 0.5)) / steps) / 10 ** exponent);
  }
  return tensor(values);
}
