import type { HostIds, HostTensor } from './peer.ts';

/** A matrix the other way round. */
export function transposed({ shape: [rows = 0, columns = 0], values }: HostTensor): HostTensor {
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      turned[column * rows + row] = values[row * columns + column] ?? 0;
  return { shape: [columns, rows], values: turned };
}

/** Ones where the class is, zeros elsewhere: [..., classes]. */
export function oneHot({ shape, values }: HostIds, classes: number): HostTensor {
  const spread = new Float32Array(values.length * classes);
  for (const [i, value] of values.entries()) spread[i * classes + value] = 1;
  return { shape: [...shape, classes], values: spread };
}

/** The ids that are to be told: all of a row [B, T] but the first. */
export function nextIds({ shape: [rows = 0, time = 0], values }: HostIds): HostIds {
  return { shape: [rows, time - 1], values: values.filter((_, i) => i % time !== 0) };
}
