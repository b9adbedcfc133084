import { isFloat, requireDType } from '../../dtype.ts';
import { promoteOperands } from '../../elementwise.ts';
import { LorikeetError } from '../../errors.ts';
import { multiplyRows, packAxes } from '../../matrixProduct.ts';
import type { Draw, Primitive, Sample } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { formatShape, normalizeAxis, type Shape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { moveAxis } from '../movement/moveAxis.ts';
import { permute } from '../movement/permute.ts';

type AxisPairs = readonly [left: readonly number[], right: readonly number[]];

export type DotAttributes = {
  /** Axes that are summed over, in pairs. */
  readonly contract: AxisPairs;
  /** Axes that run along together, in pairs; they come first in the result. */
  readonly batch: AxisPairs;
};

export const dotOp: Primitive<DotAttributes> = {
  kind: 'primitive',
  name: 'dot',
  vanishes: 'any',
  along([a, b], attributes) {
    const [left, right] = [a?.shape ?? [], b?.shape ?? []];
    const [freeA, freeB] = freeAxes(left, right, attributes);
    const { batch } = attributes;
    const placeIn = (axes: readonly number[], start: number, axis: number): number | null => {
      const place = axes.indexOf(axis);
      return place < 0 ? null : start + place;
    };
    return [
      left.map((_, axis) => placeIn(batch[0], 0, axis) ?? placeIn(freeA, batch[0].length, axis)),
      right.map(
        (_, axis) =>
          placeIn(batch[1], 0, axis) ?? placeIn(freeB, batch[0].length + freeA.length, axis),
      ),
    ];
  },
  infer(inputs, { contract, batch }) {
    const [a, b] = [operand(inputs, 0), operand(inputs, 1)];
    requireDType('dot', a.dtype, isFloat);
    if (a.dtype !== b.dtype) {
      throw new LorikeetError('dtype-mismatch', `dot: operands are ${a.dtype} and ${b.dtype}`, {
        hint: 'cast one of them',
      });
    }
    for (const [left, right] of [contract, batch]) {
      left.forEach((axis, i) => {
        const other = right[i] ?? -1;
        if (a.shape[axis] !== undefined && a.shape[axis] === b.shape[other]) return;
        throw new LorikeetError(
          'shape-mismatch',
          `dot: axis ${axis} of ${formatShape(a.shape)} does not meet axis ${other} of ${formatShape(b.shape)}`,
          {
            expected: `a side of ${a.shape[axis]}`,
            received: `a side of ${b.shape[other]}`,
          },
        );
      });
    }
    const sides = (shape: Shape, axes: readonly number[]): number[] =>
      axes.map((axis) => shape[axis] as number);
    const [freeA, freeB] = freeAxes(a.shape, b.shape, { contract, batch });
    return {
      shape: [...sides(a.shape, batch[0]), ...sides(a.shape, freeA), ...sides(b.shape, freeB)],
      dtype: a.dtype,
    };
  },
  evaluate(inputs, { contract, batch }, output) {
    const [a, b] = [operand(inputs, 0), operand(inputs, 1)];
    const [freeA, freeB] = freeAxes(a.shape, b.shape, { contract, batch });
    const count = (shape: Shape, axes: readonly number[]): number =>
      sizeOf(axes.map((axis) => shape[axis] as number));
    multiplyRows({
      a: packAxes(a, [...batch[0], ...freeA, ...contract[0]]),
      b: packAxes(b, [...batch[1], ...freeB, ...contract[1]]),
      out: output.data,
      batches: count(a.shape, batch[0]),
      rows: count(a.shape, freeA),
      columns: count(b.shape, freeB),
      depth: count(a.shape, contract[0]),
    });
  },
  derivative({ inputs, gradient, attributes: { contract, batch } }) {
    const [a, b] = [operand(inputs, 0), operand(inputs, 1)];
    const [freeA, freeB] = freeAxes(a.shape, b.shape, { contract, batch });
    const batches = batch[0].length;
    const axesOf = (start: number, length: number): number[] =>
      Array.from({ length }, (_, i) => start + i);
    const batchOfGradient = axesOf(0, batches);
    // The gradient has the axes [batch, freeA, freeB]; each product leaves [batch, own free, own contracted].
    const byA = dot(gradient, b, {
      contract: [axesOf(batches + freeA.length, freeB.length), freeB],
      batch: [batchOfGradient, batch[1]],
    });
    const byB = dot(gradient, a, {
      contract: [axesOf(batches, freeA.length), freeA],
      batch: [batchOfGradient, batch[0]],
    });
    return [
      restoreAxes(byA, [...batch[0], ...freeA, ...pairedAxes(contract[1], contract[0])]),
      restoreAxes(byB, [...batch[1], ...freeB, ...pairedAxes(contract[0], contract[1])]),
    ];
  },
  batch: ({ inputs, isBatched, attributes: { contract, batch } }) => {
    const [a, b] = [operand(inputs, 0), operand(inputs, 1)];
    const shift = (axes: readonly number[], operandIndex: number): number[] =>
      axes.map((axis) => axis + (isBatched[operandIndex] === true ? 1 : 0));
    const contracted: AxisPairs = [shift(contract[0], 0), shift(contract[1], 1)];
    const along: AxisPairs = [shift(batch[0], 0), shift(batch[1], 1)];
    if (isBatched[0] === true && isBatched[1] === true)
      return dot(a, b, {
        contract: contracted,
        batch: [
          [0, ...along[0]],
          [0, ...along[1]],
        ],
      });
    const product = dot(a, b, { contract: contracted, batch: along });
    // The batch is the first free axis of the operand that has it.
    const freeOfA = a.rank - contract[0].length - batch[0].length;
    return moveAxis(product, batch[0].length + (isBatched[0] === true ? 0 : freeOfA), 0);
  },
  sample: sampleDot,
};

/** No, one or two axes of each kind, in any order on either side. */
function sampleDot(draw: Draw): Sample<DotAttributes> {
  const batch = draw.pick([[], ['p'], ['p', 'q']]);
  const contract = draw.pick([['c'], [], ['c', 'd']]);
  const sides: Readonly<Record<string, number>> = {
    p: draw.integer(0, 2),
    q: draw.integer(1, 2),
    c: draw.integer(0, 4),
    d: draw.integer(1, 3),
    m: draw.integer(0, 4),
    n: draw.integer(0, 4),
  };
  const make = (free: string): { shape: number[]; contract: number[]; batch: number[] } => {
    const names = [...batch, ...contract, ...(draw.boolean() ? [free] : [])];
    const order = draw.permutation(names.length).map((place) => names[place] ?? free);
    const axesOf = (wanted: readonly string[]): number[] =>
      wanted.map((name) => order.indexOf(name));
    const shape = order.map((name) => sides[name] ?? 1);
    return { shape, contract: axesOf(contract), batch: axesOf(batch) };
  };
  const [a, b] = [make('m'), make('n')];
  return {
    inputs: [{ shape: a.shape }, { shape: b.shape }],
    attributes: { contract: [a.contract, b.contract], batch: [a.batch, b.batch] },
  };
}

/**
 * The general product: sums over pairs of `contract` axes, runs along pairs of `batch` axes.
 *
 * @returns axes in the order batch, free axes of `a`, free axes of `b`.
 * @throws LorikeetError `shape-mismatch` where paired sides differ.
 */
export function dot(
  a: Tensor,
  b: Tensor,
  axes: { readonly contract: AxisPairs; readonly batch?: AxisPairs },
): Tensor {
  const [x, y] = promoteOperands(a, b);
  const normalize = ([left, right]: AxisPairs): AxisPairs => [
    left.map((axis) => normalizeAxis('dot', axis, x.rank)),
    right.map((axis) => normalizeAxis('dot', axis, y.rank)),
  ];
  return record(dotOp, [x, y], {
    contract: normalize(axes.contract),
    batch: normalize(axes.batch ?? [[], []]),
  });
}

function freeAxes(a: Shape, b: Shape, { contract, batch }: DotAttributes): [number[], number[]] {
  const free = (shape: Shape, used: readonly number[]): number[] =>
    shape.map((_, axis) => axis).filter((axis) => !used.includes(axis));
  return [free(a, [...contract[0], ...batch[0]]), free(b, [...contract[1], ...batch[1]])];
}

/** The partners of `axes`, in the ascending order of `axes`. */
function pairedAxes(axes: readonly number[], partners: readonly number[]): number[] {
  return axes
    .map((axis, i) => [axis, partners[i] ?? -1] as const)
    .sort(([p], [q]) => p - q)
    .map(([, partner]) => partner);
}

/** Puts axis `i` of `x` at place `places[i]`. */
function restoreAxes(x: Tensor, places: readonly number[]): Tensor {
  return permute(
    x,
    places.map((_, axis) => places.indexOf(axis)),
  );
}
