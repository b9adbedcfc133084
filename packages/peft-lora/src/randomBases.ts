import { bf16ToNumber, numberToBf16 } from '@lorikeet/tensor-core';
import { kaimingValues } from './torch/kaimingValues.ts';
import { MersenneTwister } from './torch/mersenneTwister.ts';
import { uniformValues } from './torch/randomValues.ts';
import { sampleDeviation } from './torch/sampleDeviation.ts';

export interface RandomBasesOptions {
  readonly rank: number;
  /** The sides of the weight. */
  readonly small: number;
  readonly large: number;
  readonly count: number;
  readonly sparse: boolean;
  readonly verySparse: boolean;
  readonly projectionSeed: number;
}

/**
 * The random bases of RandLoRA as PEFT makes them from a seed, each matrix with deviation 1: A [rank, 1, small] and B
 * [large, count, rank].
 */
export function randomBases(options: RandomBasesOptions): {
  readonly A: Float32Array;
  readonly B: Float32Array;
} {
  return options.sparse || options.verySparse ? sparseBases(options) : denseBases(options);
}

/** PEFT makes these in bf16. */
function denseBases({ rank, small, large, count, projectionSeed }: RandomBasesOptions) {
  const generator = new MersenneTwister(projectionSeed);
  const draw = (size: number, fanIn: number): Float32Array =>
    kaimingValues(generator, size, fanIn, Math.sqrt(5)).map(toBf16);
  const A = draw(rank * small, small);
  const parts = Array.from({ length: count }, () => draw(large * rank, rank));
  const B = Float32Array.from({ length: large * count * rank }, (_, i) => {
    const [row, part] = [Math.floor(i / (count * rank)), Math.floor(i / rank) % count];
    return parts[part]?.[row * rank + (i % rank)] ?? 0;
  });
  const normalize = (values: Float32Array): Float32Array => {
    const deviation = toBf16(sampleDeviation(values));
    return values.map((value) => toBf16(value / usable(deviation)));
  };
  return { A: normalize(A), B: normalize(B) };
}

/** Of -1, 0 and 1 (Li, Hastie and Church 2006). */
function sparseBases(options: RandomBasesOptions) {
  const { rank, small, large, count, verySparse, projectionSeed } = options;
  const generator = new MersenneTwister(projectionSeed);
  const edge = 1 / (2 * (verySparse ? Math.sqrt(small) : 3));
  const draw = (size: number): Float32Array => {
    const values = uniformValues(generator, size);
    const signs = values.map((value) => (value < edge ? -1 : value > 1 - edge ? 1 : 0));
    // Nothing but zeros is no basis, where PEFT goes on with numbers that are none.
    const kept = signs.some((sign) => sign !== 0) ? signs : values.map((v) => (v < 0.5 ? -1 : 1));
    const deviation = sampleDeviation(kept);
    return kept.map((sign) => sign / usable(deviation));
  };
  return { A: draw(rank * small), B: draw(large * count * rank) };
}

/** A deviation to divide by: one number alone, or equal ones, have none. */
function usable(deviation: number): number {
  return deviation > 0 ? deviation : 1;
}

function toBf16(value: number): number {
  return bf16ToNumber(numberToBf16(value));
}
