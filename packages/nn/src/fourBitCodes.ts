/** Ways to read four bits as one of 16 numbers from -1 to 1. */
export type FourBitType = 'nf4' | 'fp4';

/**
 * The numbers in rising order. `nf4`: quantiles of the normal distribution, with 0 and both ends among them (appendix E of
 * Dettmers et al. 2023, https://arxiv.org/abs/2305.14314); `fp4`: a sign, two bits of exponent and one of fraction over 12, as in
 * bitsandbytes, whose 0 has two signs.
 */
export const fourBitCodes: Readonly<Record<FourBitType, readonly number[]>> = {
  nf4: [
    -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
    -0.18477343022823334, -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725,
    0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
    0.7229568362236023, 1,
  ],
  fp4: [-12, -8, -6, -4, -3, -2, -0.0625, 0, 0, 0.0625, 2, 3, 4, 6, 8, 12].map((n) => n / 12),
};
