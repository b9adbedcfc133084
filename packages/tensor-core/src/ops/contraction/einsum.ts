import { type AxisNames, parseEinsum } from '../../einsumEquation.ts';
import { sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { diagonal } from '../movement/diagonal.ts';
import { permute } from '../movement/permute.ts';
import { squeeze } from '../movement/squeeze.ts';
import { sum } from '../reduce/sum.ts';
import { dot } from './dot.ts';

/** A tensor and the names of its axes. */
interface Named {
  readonly x: Tensor;
  readonly names: AxisNames;
}

/**
 * The sum of products that an equation such as `'bhqd,bhkd->bhqk'` describes: a letter for each axis, which
 * runs along together in all operands that have it and is summed over where the result does not. Without `->` the
 * result has the letters that occur once, in the order of the alphabet. A letter twice in one operand takes
 * its diagonal; `...` stands for axes that broadcast.
 *
 * @throws LorikeetError `invalid-argument` for an equation that does not fit the operands, and
 * `shape-mismatch` where one letter has two sides; `dtype-mismatch` for several operands of integers.
 */
export function einsum(equation: string, ...operands: readonly Tensor[]): Tensor {
  const shapes = operands.map(({ shape }) => shape);
  const { terms, result, sides } = parseEinsum(equation, shapes);
  let parts = operands.map((x, i) => simplest({ x, names: terms[i] ?? [] }, sides));
  while (parts.length > 1) {
    const [i, j] = cheapestPair(parts, result);
    const others = parts.filter((_, place) => place !== i && place !== j);
    const needed = neededBy(others, result);
    parts = [...others, contract(parts[i] as Named, parts[j] as Named, needed)];
  }
  const { x, names } = sumUnless(parts[0] as Named, new Set(result));
  return permute(
    x,
    result.map((name) => names.indexOf(name)),
  );
}

/** Without axes of length 1 that broadcast, and without names that come twice. */
function simplest({ x, names }: Named, sides: ReadonlyMap<string, number>): Named {
  const short = [...names.keys()].filter(
    (axis) => x.shape[axis] === 1 && sides.get(names[axis] ?? '') !== 1,
  );
  const kept = names.filter((_, axis) => !short.includes(axis));
  return withoutRepeats({ x: squeeze(x, short), names: kept });
}

function withoutRepeats({ x, names }: Named): Named {
  const second = names.findIndex((name, axis) => names.indexOf(name) !== axis);
  const repeated = names[second];
  if (repeated === undefined) return { x, names };
  return withoutRepeats({
    x: diagonal(x, { axes: [names.indexOf(repeated), second] }),
    names: [
      ...names.filter((_, axis) => axis !== second && axis !== names.indexOf(repeated)),
      repeated,
    ],
  });
}

function neededBy(others: readonly Named[], result: AxisNames): Set<string> {
  return new Set([...result, ...others.flatMap(({ names }) => names)]);
}

/** The two whose product is smallest against themselves, the first of equals. */
function cheapestPair(parts: readonly Named[], result: AxisNames): [number, number] {
  let best: [number, number] = [0, 1];
  let least = Number.POSITIVE_INFINITY;
  parts.forEach((a, i) => {
    parts.slice(i + 1).forEach((b, offset) => {
      const j = i + 1 + offset;
      const needed = neededBy(
        parts.filter((_, place) => place !== i && place !== j),
        result,
      );
      const kept = new Map(
        [a, b].flatMap(({ x, names }) =>
          names
            .map((name, axis) => [name, x.shape[axis] ?? 1] as const)
            .filter(([name]) => needed.has(name)),
        ),
      );
      const cost = sizeOf([...kept.values()]) - a.x.size - b.x.size;
      if (cost < least) [least, best] = [cost, [i, j]];
    });
  });
  return best;
}

/** The product of two, with the axes that nothing else needs summed over. */
function contract(left: Named, right: Named, needed: ReadonlySet<string>): Named {
  const a = sumUnless(left, new Set([...needed, ...right.names]));
  const b = sumUnless(right, new Set([...needed, ...left.names]));
  const shared = a.names.filter((name) => b.names.includes(name));
  const along = shared.filter((name) => needed.has(name));
  const over = shared.filter((name) => !needed.has(name));
  const axes = (names: AxisNames): [number[], number[]] => [
    names.map((name) => a.names.indexOf(name)),
    names.map((name) => b.names.indexOf(name)),
  ];
  const free = [...a.names, ...b.names].filter((name) => !shared.includes(name));
  const x = dot(a.x, b.x, { contract: axes(over), batch: axes(along) });
  return { x, names: [...along, ...free] };
}

function sumUnless({ x, names }: Named, needed: ReadonlySet<string>): Named {
  const axes = [...names.keys()].filter((axis) => !needed.has(names[axis] ?? ''));
  if (axes.length === 0) return { x, names };
  return { x: sum(x, axes), names: names.filter((_, axis) => !axes.includes(axis)) };
}
