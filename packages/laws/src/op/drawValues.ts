import { type DType, type SampleInput, sizeOf } from '@lorikeet/tensor-core';
import fc from 'fast-check';

const resolution = 2 ** 20;
/** How far samples keep from the places that an op says to avoid: further than any law moves a value. */
const margin = 0.05;

/** The elements of one operand, as its op wants them; they shrink towards the middle of the range. */
export function drawValues(gen: fc.GeneratorValue, input: SampleInput): number[] {
  const size = sizeOf(input.shape);
  const [min, max] = input.range ?? defaultRange(input.dtype);
  if (input.dtype !== undefined && !isFloatName(input.dtype)) return gen(integers, size, min, max);
  const [middle, half] = [(min + max) / 2, (max - min) / 2];
  const drawn = gen(places, size);
  const units = input.distinct === true ? spread(drawn) : drawn.map((place) => place / resolution);
  const values = units.map((unit) => avoiding(middle + half * unit, input.avoid ?? [], max));
  return (input.arrange?.(values) ?? values).map(Math.fround);
}

function defaultRange(dtype: DType | undefined): readonly [number, number] {
  if (dtype === 'bool') return [0, 1];
  return dtype === 'u8' || dtype === 'u32' ? [0, 4] : [-2, 2];
}

function isFloatName(dtype: DType): boolean {
  return dtype === 'f64' || dtype === 'f32' || dtype === 'f16' || dtype === 'bf16';
}

function integers(size: number, min: number, max: number): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min, max }), { minLength: size, maxLength: size });
}

// fast-check's bias gives numbers close together, where an op such as layer norm is steeper than differences
// can follow; so the bias is ours: now and then the middle, the ends, or half way.
const element = fc.oneof(
  { weight: 15, arbitrary: fc.noBias(fc.integer({ min: -resolution, max: resolution })) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, -1, 0.5, -0.5).map((unit) => unit * resolution) },
);

function places(size: number): fc.Arbitrary<number[]> {
  return fc.array(element, { minLength: size, maxLength: size });
}

/** Numbers from -1 to 1 in the order of `drawn`, all equally far apart. */
function spread(drawn: readonly number[]): number[] {
  const order = drawn.map((_, i) => i).sort((a, b) => (drawn[a] ?? 0) - (drawn[b] ?? 0));
  const units = new Array<number>(drawn.length).fill(0);
  order.forEach((place, rank) => {
    units[place] = (2 * rank + 1) / drawn.length - 1;
  });
  return units;
}

function avoiding(value: number, avoid: readonly number[], max: number): number {
  const near = avoid.find((place) => Math.abs(value - place) < margin);
  if (near === undefined) return value;
  return value >= near && near < max ? near + margin : near - margin;
}
