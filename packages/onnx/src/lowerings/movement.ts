import {
  broadcastToOp,
  concatOp,
  type DType,
  dynamicSliceOp,
  dynamicUpdateSliceOp,
  flipOp,
  fullOp,
  iotaOp,
  operand,
  padOp,
  permuteOp,
  reshapeOp,
  type Shape,
  sizeOf,
  sliceOp,
  stridesOf,
} from '@lorikeet/tensor-core';
import { carrierOf, castNode } from '../carrier.ts';
import type { GraphBuilder } from '../graphBuilder.ts';
import { type Lowering, lowering } from '../lowering.ts';
import type { Value } from '../value.ts';

export const movementLowerings: readonly Lowering[] = [
  lowering(reshapeOp, 'Reshape', {
    exact: true,
    lower: ({ graph, inputs, type }) =>
      graph.node('Reshape', [operand(inputs, 0).name, graph.ints(type.shape)]),
  }),
  lowering(permuteOp, 'Transpose', {
    exact: true,
    lower: ({ graph, inputs, attributes: { axes } }) =>
      graph.node('Transpose', [operand(inputs, 0).name], { perm: axes }),
  }),
  lowering(broadcastToOp, 'Expand', {
    exact: true,
    lower: ({ graph, inputs, type }) =>
      graph.node('Expand', [operand(inputs, 0).name, graph.ints(type.shape)]),
  }),
  lowering(concatOp, 'Concat', {
    exact: true,
    lower: ({ graph, inputs, attributes: { axis } }) =>
      graph.node(
        'Concat',
        inputs.map(({ name }) => name),
        { axis },
      ),
  }),
  lowering(sliceOp, 'Slice', {
    exact: true,
    lower({ graph, inputs, attributes: { starts, sizes, steps } }) {
      const x = operand(inputs, 0);
      // Only the axes that are cut.
      const axes = [...sizes.keys()].filter((axis) => sizes[axis] !== x.shape[axis]);
      const of = (list: readonly number[]): string =>
        graph.ints(axes.map((axis) => list[axis] ?? 0));
      const ends = sizes.map(
        (size, axis) => (starts[axis] ?? 0) + (size - 1) * (steps[axis] ?? 1) + 1,
      );
      return graph.node('Slice', [x.name, of(starts), of(ends), graph.ints(axes), of(steps)]);
    },
  }),
  lowering(flipOp, 'Slice', {
    exact: true,
    lower({ graph, inputs, attributes: { axes } }) {
      const all = (value: number): string => graph.ints(axes.map(() => value));
      // An end before the first element.
      const ends = all(-(2 ** 31));
      return graph.node('Slice', [
        operand(inputs, 0).name,
        all(-1),
        ends,
        graph.ints(axes),
        all(-1),
      ]);
    },
  }),
  lowering(padOp, 'Pad', {
    exact: true,
    lower({ graph, inputs, attributes: { low, high, interior }, type }) {
      const x = operand(inputs, 0);
      const spread = interior.reduce(
        (value, count, axis) => (count > 0 ? spreadAxis(graph, value, axis, count) : value),
        x,
      );
      if ([...low, ...high].every((count) => count === 0)) return spread.name;
      const zero = graph.constant(carrierOf(type.dtype), [], [0]);
      return graph.node('Pad', [spread.name, graph.ints([...low, ...high]), zero]);
    },
  }),
  lowering(dynamicSliceOp, 'Slice', {
    exact: true,
    lower({ graph, inputs, attributes: { sizes } }) {
      const x = operand(inputs, 0);
      if (sizes.length === 0) return x.name;
      const starts = startsIn(graph, x.shape, sizes, operand(inputs, 1));
      const ends = graph.node('Add', [starts, graph.ints(sizes)]);
      const axes = graph.ints([...sizes.keys()]);
      const box = graph.node('Slice', [x.name, starts, ends, axes]);
      return graph.node('Reshape', [box, graph.ints(sizes)]);
    },
  }),
  lowering(dynamicUpdateSliceOp, 'ScatterElements', {
    exact: true,
    keeps: ([x, update]) =>
      x !== undefined && update !== undefined && narrowAxes(x.shape, update.shape).length === 1,
    lower({ graph, inputs, type }) {
      const [x, update] = [operand(inputs, 0), operand(inputs, 1)];
      if (x.shape.length === 0) return update.name;
      const starts = startsIn(graph, x.shape, update.shape, operand(inputs, 2));
      const narrow = narrowAxes(x.shape, update.shape);
      // As in a cache of keys and values: reshapes of the results would copy them.
      if (narrow.length === 1) return scatterAlong(graph, [x.name, update], starts, narrow[0] ?? 0);
      const strides = graph.ints(stridesOf(x.shape));
      const origin = graph.node('ReduceSum', [graph.node('Mul', [starts, strides])], {
        keepdims: 1,
      });
      const places = graph.node('Add', [origin, graph.ints(offsets(x.shape, update.shape))]);
      const flat = (name: string): string => graph.node('Reshape', [name, graph.ints([-1])]);
      const result = graph.node('ScatterElements', [flat(x.name), places, flat(update.name)], {
        axis: 0,
      });
      return graph.node('Reshape', [result, graph.ints(type.shape)]);
    },
  }),
  lowering(fullOp, 'a constant', {
    roundsAlike: true,
    lower({ graph, attributes: { value }, type }) {
      const scalar = graph.constant(carrierOf(type.dtype), [], [value]);
      return type.shape.length === 0
        ? scalar
        : graph.node('Expand', [scalar, graph.ints(type.shape)]);
    },
  }),
  lowering(iotaOp, 'a constant', {
    roundsAlike: true,
    lower({ graph, attributes: { axis }, type }) {
      const length = type.shape[axis] ?? 1;
      const dims = type.shape.map((side, i) => (i === axis ? side : 1));
      const line = Array.from({ length }, (_, i) => i);
      const values = graph.isOpen(length)
        ? openLine(graph, length, dims, type.dtype)
        : graph.constant(carrierOf(type.dtype), dims, line);
      return sizeOf(dims) === sizeOf(type.shape)
        ? values
        : graph.node('Expand', [values, graph.ints(type.shape)]);
    },
  }),
];

/** 0, 1, 2, ... along a side whose length is known only when the graph runs. */
function openLine(graph: GraphBuilder, length: number, dims: Shape, dtype: DType): string {
  const scalar = (value: number): string => graph.constant('int64', [], [value]);
  const end = graph.node('Reshape', [graph.ints([length]), graph.ints([])]);
  const line = graph.node('Range', [scalar(0), end, scalar(1)]);
  return graph.node('Reshape', [castNode(graph, line, carrierOf(dtype)), graph.ints(dims)]);
}

/** `count` zeros between neighbours along an axis. */
function spreadAxis(graph: GraphBuilder, x: Value, axis: number, count: number): Value {
  const side = x.shape[axis] ?? 1;
  const outer = sizeOf(x.shape.slice(0, axis));
  const inner = sizeOf(x.shape.slice(axis + 1));
  const zero = graph.constant(carrierOf(x.dtype), [], [0]);
  const apart = graph.node('Reshape', [x.name, graph.ints([outer, side, 1, inner])]);
  const padded = graph.node('Pad', [apart, graph.ints([0, 0, 0, 0, 0, 0, count, 0]), zero]);
  const long = side * (count + 1);
  const joined = graph.node('Reshape', [padded, graph.ints([outer, long, inner])]);
  const kept = graph.node('Slice', [
    joined,
    graph.ints([0]),
    graph.ints([long - count]),
    graph.ints([1]),
  ]);
  const shape = x.shape.map((other, i) => (i === axis ? long - count : other));
  return { ...x, shape, name: graph.node('Reshape', [kept, graph.ints(shape)]) };
}

/** The starts of a box, moved so that it lies inside; i64. */
function startsIn(graph: GraphBuilder, shape: Shape, sizes: Shape, starts: Value): string {
  const last = graph.ints(shape.map((side, axis) => side - (sizes[axis] ?? 0)));
  const wide = castNode(graph, starts.name, 'int64');
  return graph.node('Min', [graph.node('Max', [wide, graph.ints(shape.map(() => 0))]), last]);
}

/** Along which a box is smaller than what it goes into. */
function narrowAxes(shape: Shape, box: Shape): number[] {
  return [...shape.keys()].filter((axis) => shape[axis] !== box[axis]);
}

/** A box that is as large as `x` along all axes but one. */
function scatterAlong(
  graph: GraphBuilder,
  [x, update]: readonly [x: string, update: Value],
  starts: string,
  axis: number,
): string {
  const count = update.shape[axis] ?? 1;
  const line = graph.ints(Array.from({ length: count }, (_, i) => i));
  const places = graph.node('Add', [graph.node('Gather', [starts, graph.ints([axis])]), line]);
  const dims = update.shape.map((_, i) => (i === axis ? count : 1));
  const indices = graph.node('Expand', [
    graph.node('Reshape', [places, graph.ints(dims)]),
    graph.ints(update.shape),
  ]);
  return graph.node('ScatterElements', [x, indices, update.name], { axis });
}

/** Where the elements of a box at the origin lie. */
function offsets(shape: Shape, sizes: Shape): number[] {
  const strides = stridesOf(shape);
  return sizes.reduce<number[]>(
    (places, size, axis) =>
      places.flatMap((place) =>
        Array.from({ length: size }, (_, i) => place + i * (strides[axis] ?? 1)),
      ),
    [0],
  );
}
