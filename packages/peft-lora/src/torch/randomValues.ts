import type { MersenneTwister } from './mersenneTwister.ts';

/** What `torch.rand` gives on a CPU: f32 in [0, 1). */
export function uniformValues(generator: MersenneTwister, count: number): Float32Array {
  return Float32Array.from({ length: count }, () => (generator.bits() & 0xffffff) / 2 ** 24);
}

/** What `tensor.uniform_(from, to)` gives on a CPU in f32. */
export function uniformBetween(
  generator: MersenneTwister,
  count: number,
  [from, to]: readonly [from: number, to: number],
): Float32Array {
  const [start, width] = [Math.fround(from), Math.fround(Math.fround(to) - Math.fround(from))];
  // Rounded once, as its fused multiply-add does.
  return uniformValues(generator, count).map((value) => value * width + start);
}

/**
 * What `torch.randn` gives on a CPU, up to the last bits of its logarithm and cosine: pairs (Box and Muller 1958) of
 * blocks of 16 numbers; the last block overlaps the one before it. Fewer numbers than a block come one pair after another.
 */
export function normalValues(generator: MersenneTwister, count: number): Float32Array {
  if (count < 16) return fewNormalValues(generator, count);
  const values = uniformValues(generator, count);
  const transform = (start: number): void => {
    for (let i = start; i < start + 8; i++) {
      const radius = Math.sqrt(-2 * Math.log(1 - (values[i] ?? 0)));
      const angle = 2 * Math.PI * (values[i + 8] ?? 0);
      values[i] = radius * Math.cos(angle);
      values[i + 8] = radius * Math.sin(angle);
    }
  };
  for (let start = 0; start + 16 <= count; start += 16) transform(start);
  if (count % 16 !== 0) {
    values.set(uniformValues(generator, 16), count - 16);
    transform(count - 16);
  }
  return values;
}

/** Of f64, from 53 bits each. */
function fewNormalValues(generator: MersenneTwister, count: number): Float32Array {
  const uniform = (): number => {
    const [high, low] = [generator.bits() & 0x1fffff, generator.bits()];
    return (high * 2 ** 32 + low) / 2 ** 53;
  };
  const pairs = Array.from({ length: Math.ceil(count / 2) }, () => {
    const [angle, radius] = [2 * Math.PI * uniform(), Math.sqrt(-2 * Math.log1p(-uniform()))];
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
  return Float32Array.from(pairs.flat().slice(0, count));
}

/**
 * The first numbers of `torch.randperm(size)` on a CPU. Only the places that were swapped are kept, so that a few of
 * many millions cost little.
 */
export function permutationStart(
  generator: MersenneTwister,
  size: number,
  count: number,
): Int32Array {
  const moved = new Map<number, number>();
  return Int32Array.from({ length: Math.min(count, size) }, (_, i) => {
    // The last place is drawn by none.
    const other = i === size - 1 ? i : i + (generator.bits() % (size - i));
    const taken = moved.get(other) ?? other;
    moved.set(other, moved.get(i) ?? i);
    moved.delete(i);
    return taken;
  });
}
