import type { DType } from '../../dtype.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { mod } from '../binary/mod.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { dot } from '../contraction/dot.ts';
import { iota } from '../create/iota.ts';
import { swapAxes } from '../movement/permute.ts';
import { reshape } from '../movement/reshape.ts';
import { cast } from '../unary/cast.ts';
import { cos } from '../unary/cos.ts';
import { sin } from '../unary/sin.ts';

/** Complex numbers as two tensors of one shape. */
export interface Complex {
  readonly re: Tensor;
  readonly im: Tensor;
}

/** A real tensor, or a complex one. */
export type MaybeComplex = { readonly re: Tensor; readonly im?: Tensor };

export interface InverseFourierOptions {
  /** Whether the sums are divided by n, which is so if not given. */
  readonly normalize?: boolean;
}

/** Up to this side one product with the whole matrix costs less than its factors, which have to be moved in between: C3A 2.8 s a step for 3.5. */
const direct = 256;

/**
 * The discrete Fourier transform along the last axis: the sums of `x[j] * exp(-2 pi i j k / n)`. A side that has
 * divisors is transformed in two steps of smaller ones (Cooley and Tukey 1965), each a product of matrices, so that it
 * runs and is differentiated as these are.
 *
 * @param x floating point, [..., n].
 * @returns [..., n]
 */
export function fourier(x: MaybeComplex): Complex {
  return transform(x, -1);
}

/**
 * The inverse of `fourier`, without the division by n if `normalize` is false: the sums of
 * `x[k] * exp(2 pi i j k / n)`.
 */
export function inverseFourier(x: MaybeComplex, options: InverseFourierOptions = {}): Complex {
  const { normalize = true } = options;
  const { re, im } = transform(x, 1);
  const side = x.re.shape.at(-1) ?? 1;
  if (!normalize || side === 0) return { re, im };
  return { re: mul(re, 1 / side), im: mul(im, 1 / side) };
}

function transform(x: MaybeComplex, sign: 1 | -1): Complex {
  const { shape, dtype } = x.re;
  const side = shape.at(-1) ?? 1;
  const first = side <= direct ? 1 : largestDivisor(side);
  if (first === 1) return product(x, turns([side, side], side, dtype, sign));
  const second = side / first;
  const lead = shape.slice(0, -1);
  // The element j1 * second + j2 goes to k2 * first + k1.
  const apart = map(x, (part) => swapAxes(reshape(part, [...lead, first, second]))); // [..., j2, j1]
  const inner = transform(apart, sign); // [..., j2, k1]
  const turned = times(inner, turns([second, first], side, dtype, sign));
  const outer = transform(
    map(turned, (part) => swapAxes(part)),
    sign,
  ); // [..., k1, k2]
  return map(outer, (part) => reshape(swapAxes(part), shape));
}

/** exp(sign * 2 pi i j k / side) at [j, k]. */
function turns(
  shape: readonly [number, number],
  side: number,
  dtype: DType,
  sign: 1 | -1,
): Complex {
  // Whole turns are taken off while they are exact.
  const steps = mod(mul(iota(shape, 0), iota(shape, 1)), side);
  const angle = mul(cast(steps, dtype), (sign * 2 * Math.PI) / side);
  return { re: cos(angle), im: sin(angle) };
}

/** The product of the last axis with a matrix. */
function product({ re, im }: MaybeComplex, matrix: Complex): Complex {
  const by = (a: Tensor, b: Tensor): Tensor => dot(a, b, { contract: [[-1], [0]] });
  const real = { re: by(re, matrix.re), im: by(re, matrix.im) };
  if (im === undefined) return real;
  return { re: sub(real.re, by(im, matrix.im)), im: add(real.im, by(im, matrix.re)) };
}

function times(a: Complex, b: Complex): Complex {
  return {
    re: sub(mul(a.re, b.re), mul(a.im, b.im)),
    im: add(mul(a.re, b.im), mul(a.im, b.re)),
  };
}

function map(x: Complex, fn: (part: Tensor) => Tensor): Complex;
function map(x: MaybeComplex, fn: (part: Tensor) => Tensor): MaybeComplex;
function map({ re, im }: MaybeComplex, fn: (part: Tensor) => Tensor): MaybeComplex {
  return im === undefined ? { re: fn(re) } : { re: fn(re), im: fn(im) };
}

/** The largest divisor whose square is at most `side`; 1 for a prime. */
function largestDivisor(side: number): number {
  for (let divisor = Math.floor(Math.sqrt(side)); divisor > 1; divisor--)
    if (side % divisor === 0) return divisor;
  return 1;
}
