import { type Tensor, tensor } from '@lorikeet/tensor-core';

/** The ratio of the longest wave to the shortest. */
const waveRatio = 10_000;

/**
 * Embeddings of positions that nobody trains: sines of each frequency, and then cosines. Vaswani et al. 2017.
 *
 * @returns [positions, dim] f32, each from -1 to 1.
 */
export function sinusoidalPositions(positions: number, dim: number): Tensor {
  const sines = Math.ceil(dim / 2);
  const rows = Array.from({ length: positions }, (_, position) =>
    Array.from({ length: dim }, (_unused, i) => {
      const pair = i < sines ? i : i - sines;
      const angle = position / waveRatio ** ((2 * pair) / dim);
      return i < sines ? Math.sin(angle) : Math.cos(angle);
    }),
  );
  return tensor(rows.flat(), [positions, dim]);
}
