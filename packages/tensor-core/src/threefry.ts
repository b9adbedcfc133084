import type { TypedArray } from './dtype.ts';

const rotations = new Int32Array([13, 15, 26, 6, 17, 29, 16, 24]);

/**
 * Threefry-2x32 with 20 rounds: random words from a key and a counter of two words each. Elements 2i and
 * 2i+1 of `out` are the two words for the counter (stream, first + i).
 * Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
 */
export function threefryInto(
  k0: number,
  k1: number,
  stream: number,
  out: TypedArray,
  first = 0,
): void {
  const keys = new Int32Array([k0, k1, k0 ^ k1 ^ 0x1bd11bda]);
  for (let i = 0; 2 * i < out.length; i++) {
    let x = (stream + k0) | 0;
    let y = (first + i + k1) | 0;
    for (let round = 0; round < 20; round++) {
      const turn = rotations[round & 7] as number;
      x = (x + y) | 0;
      y = ((y << turn) | (y >>> (32 - turn))) ^ x;
      if ((round & 3) !== 3) continue;
      const injection = (round + 1) >> 2;
      x = (x + (keys[injection % 3] as number)) | 0;
      y = (y + (keys[(injection + 1) % 3] as number) + injection) | 0;
    }
    out[2 * i] = x >>> 0;
    if (2 * i + 1 < out.length) out[2 * i + 1] = y >>> 0;
  }
}
