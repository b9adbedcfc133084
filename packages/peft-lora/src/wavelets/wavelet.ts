import {
  cast,
  conv,
  convTranspose,
  haar,
  inverseHaar,
  reshape,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';

/**
 * One level of an orthogonal wavelet transform along the last axis, backwards: a signal from its smooth half and, behind
 * it, its details. What the filter would add beyond the ends is left out.
 *
 * @param x [..., 2 n]
 * @param lowPass filter of even length L, as of `lowPassFilters`.
 * @returns [..., 2 n + 2 - L]
 */
export function inverseWavelet(x: Tensor, lowPass: readonly number[]): Tensor {
  if (lowPass.length === 2) return inverseHaar(x);
  const half = (x.shape.at(-1) ?? 0) / 2;
  const parts = reshape(x, [-1, 2, half]);
  const signal = convTranspose(parts, filterBank(lowPass, x), optionsOf(lowPass));
  return reshape(signal, [...x.shape.slice(0, -1), -1]);
}

/** The transpose of `inverseWavelet`, and for the filter of two its inverse. [..., 2 n + 2 - L] to [..., 2 n] */
export function wavelet(x: Tensor, lowPass: readonly number[]): Tensor {
  if (lowPass.length === 2) return haar(x);
  const signal = reshape(x, [-1, 1, x.shape.at(-1) ?? 0]);
  const parts = conv(signal, filterBank(lowPass, x), optionsOf(lowPass)); // [..., 2, n]
  return reshape(parts, [...x.shape.slice(0, -1), -1]);
}

function optionsOf({ length }: readonly number[]): { stride: number; padding: number } {
  return { stride: 2, padding: length - 2 };
}

/** The low-pass filter and the high-pass filter that belongs to it: backwards, with every other sign. [2, 1, L] */
function filterBank(lowPass: readonly number[], like: Tensor): Tensor {
  const highPass = lowPass.map((_, i) => (lowPass.at(-1 - i) ?? 0) * (i % 2 === 0 ? 1 : -1));
  const exact = tensor([...lowPass, ...highPass], [2, 1, lowPass.length], 'f64');
  return cast(exact, like.dtype);
}
