import type { DType } from '../../../dtype.ts';
import type { Instruction } from '../../../program.ts';
import { literalText, type Scalar, scalarOf } from '../codegen/scalars.ts';
import { isPlaceOfExtremum } from '../schedule/anchors.ts';

/** How a reduction takes its elements together, in WGSL. */
export interface Accumulator {
  /** Of the running result: for the place of an extremum a pair of the extremum and its place. */
  readonly parts: readonly { readonly type: string; readonly start: string }[];
  /** The result with one more: names of the parts, of what is added, and where that lies. */
  step(parts: readonly string[], element: string, place: string): string;
  /** Two running results in one; the second is of later places or of earlier ones. */
  merge(parts: readonly string[], others: readonly string[]): string;
  /** The result. */
  result(parts: readonly string[]): string;
  /** Whether long sums are taken in blocks, so that fewer digits get lost. */
  readonly inBlocks: boolean;
}

/** @param dtype of what is reduced. */
export function accumulatorOf({ op }: Instruction, dtype: DType): Accumulator {
  const scalar = scalarOf(dtype);
  if (isPlaceOfExtremum(op)) return placeAccumulator(op.name === 'argmax', scalar);
  const combine = combineOf(op.name, scalar);
  const add = (parts: readonly string[], other: string): string =>
    `${parts[0]} = ${combine(parts[0] ?? '', other)};`;
  return {
    parts: [{ type: scalar, start: startOf(op.name, scalar) }],
    step: add,
    merge: (parts, others) => add(parts, others[0] ?? ''),
    result: (parts) => parts[0] ?? '',
    inBlocks: op.name === 'sum' && scalar === 'f32',
  };
}

function combineOf(name: string, scalar: Scalar): (a: string, b: string) => string {
  if (name === 'sum') return (a, b) => `${a} + ${b}`;
  if (name === 'prod') return (a, b) => `${a} * ${b}`;
  const isMax = name === 'max';
  if (scalar === 'f32') return (a, b) => `${isMax ? 'larger' : 'smaller'}(${a}, ${b})`;
  return (a, b) => `${isMax ? 'max' : 'min'}(${a}, ${b})`;
}

function startOf(name: string, scalar: Scalar): string {
  if (name === 'sum') return literalText(scalar, 0);
  if (name === 'prod') return literalText(scalar, 1);
  return extreme(name !== 'max', scalar);
}

function extreme(isLargest: boolean, scalar: Scalar): string {
  if (scalar === 'f32') return literalText(scalar, isLargest ? Infinity : -Infinity);
  if (scalar === 'i32') return literalText(scalar, isLargest ? 2 ** 31 - 1 : -(2 ** 31));
  return literalText('u32', isLargest ? 2 ** 32 - 1 : 0);
}

/** The first of equals, and of those that are not numbers the first. */
function placeAccumulator(isMax: boolean, scalar: Scalar): Accumulator {
  const held: Scalar = scalar === 'bool' ? 'u32' : scalar;
  const leads = (a: string, b: string): string => {
    const ahead = `${a} ${isMax ? '>' : '<'} ${b}`;
    if (held !== 'f32') return ahead;
    return `(!isNotANumber(${b}) && (isNotANumber(${a}) || ${ahead}))`;
  };
  const same = (a: string, b: string): string =>
    held === 'f32'
      ? `(${a} == ${b} || (isNotANumber(${a}) && isNotANumber(${b})))`
      : `${a} == ${b}`;
  const take = (parts: readonly string[], value: string, place: string): string =>
    `if (${leads(value, parts[0] ?? '')} || (${same(value, parts[0] ?? '')} && ${place} < ${parts[1]})) { ${parts[0]} = ${value}; ${parts[1]} = ${place}; }`;
  return {
    parts: [
      { type: held, start: extreme(!isMax, held) },
      { type: 'u32', start: '0xffffffffu' },
    ],
    step: (parts, element, place) =>
      take(parts, scalar === 'bool' ? `u32(${element})` : element, place),
    merge: (parts, others) => take(parts, others[0] ?? '', others[1] ?? ''),
    result: (parts) => `i32(${parts[1]})`,
    inBlocks: false,
  };
}
