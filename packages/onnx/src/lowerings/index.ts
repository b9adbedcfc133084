import {
  gatherOp,
  isPacked,
  operand,
  type Primitive,
  putAlongAxisOp,
  type Shape,
  scatterAddOp,
  scatterOp,
  sizeOf,
  takeAlongAxisOp,
} from '@lorikeet/tensor-core';
import { enter, enterStored } from '../boundary.ts';
import { castNode } from '../carrier.ts';
import type { GraphBuilder } from '../graphBuilder.ts';
import { type Lowering, lowering } from '../lowering.ts';
import type { Value } from '../value.ts';

export const indexLowerings: readonly Lowering[] = [
  lowering(gatherOp, 'Gather, GatherElements', {
    exact: true,
    lower({ graph, inputs, attributes: { axis }, type }) {
      const x = operand(inputs, 0);
      const indices = refusingNegatives(graph, operand(inputs, 1));
      const take = (from: string): string =>
        x.shape.length === 1
          ? elementsOf(graph, from, indices, type.shape)
          : graph.node('Gather', [from, indices], { axis });
      // Of a table that is stored in another type only the rows that are asked for are converted.
      const bytes = axis === 0 ? bytesOfRows(x) : undefined;
      if (bytes !== undefined) return enter(graph, take(bytes), type);
      if (x.stored === undefined || isPacked(x.dtype)) return take(x.name);
      return enterStored(graph, take(x.stored), x);
    },
  }),
  lowering(takeAlongAxisOp, 'GatherElements', {
    exact: true,
    lower({ graph, inputs, attributes: { axis } }) {
      const x = operand(inputs, 0);
      const indices = refusingNegatives(graph, operand(inputs, 1));
      return graph.node('GatherElements', [x.name, indices], { axis });
    },
  }),
  lowering(putAlongAxisOp, 'ScatterElements', {
    lower({ graph, inputs, attributes: { axis, mode } }) {
      const [x, updates] = [operand(inputs, 0), operand(inputs, 2)];
      const indices = refusingNegatives(graph, operand(inputs, 1));
      const reduction = mode === 'add' ? 'add' : 'none';
      return graph.node('ScatterElements', [x.name, indices, updates.name], { axis, reduction });
    },
  }),
  scatter(scatterOp, 'none'),
  scatter(scatterAddOp, 'add'),
];

/** Slices along an axis take updates: as many lines of a matrix do, one scatter of elements. */
function scatter(op: Primitive<{ readonly axis: number }>, reduction: 'none' | 'add'): Lowering {
  return lowering(op, 'ScatterElements', {
    exact: reduction === 'none',
    lower({ graph, inputs, attributes: { axis }, type }) {
      const [x, indices, updates] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
      const outer = sizeOf(x.shape.slice(0, axis));
      const inner = sizeOf(x.shape.slice(axis + 1));
      const side = x.shape[axis] ?? 1;
      const count = sizeOf(indices.shape);
      const name = refusingNegatives(graph, indices);
      // A line needs no sides around it, and a reshape of a result is a copy.
      if (x.shape.length === 1) {
        const line = graph.node('Reshape', [name, graph.ints([count])]);
        const source = reshaped(graph, updates, [count]);
        return graph.node('ScatterElements', [x.name, line, source], { axis: 0, reduction });
      }
      const target = reshaped(graph, x, [outer, side, inner]);
      const source = reshaped(graph, updates, [outer, count, inner]);
      const line = graph.node('Reshape', [name, graph.ints([1, count, 1])]);
      const places = graph.node('Expand', [line, graph.ints([outer, count, inner])]);
      const result = graph.node('ScatterElements', [target, places, source], {
        axis: 1,
        reduction,
      });
      return graph.node('Reshape', [result, graph.ints(type.shape)]);
    },
  });
}

/** Indices of which those below 0, which ONNX counts from the end, are as wrong as those behind the last: far behind it. */
function refusingNegatives(graph: GraphBuilder, { name, dtype }: Value): string {
  if (dtype.startsWith('u')) return name;
  const bits = graph.constant('int64', [], [2 ** 32 - 1]);
  // A comparison and a choice take twice as long.
  return graph.node('BitwiseAnd', [castNode(graph, name, 'int64'), bits]);
}

/** Elements of a line, which Gather would copy as slices of one element, in eight times the time. */
function elementsOf(graph: GraphBuilder, line: string, indices: string, shape: Shape): string {
  const places = graph.node('Reshape', [indices, graph.ints([-1])]);
  const elements = graph.node('GatherElements', [line, places], { axis: 0 });
  return graph.node('Reshape', [elements, graph.ints(shape)]);
}

function reshaped(graph: GraphBuilder, { name }: Value, shape: readonly number[]): string {
  return graph.node('Reshape', [name, graph.ints(shape)]);
}

/** A packed constant as rows of bytes, if no byte belongs to two of them. */
function bytesOfRows({ dtype, shape, bytesAs }: Value): string | undefined {
  const inner = sizeOf(shape.slice(1));
  if (!isPacked(dtype) || inner % 2 !== 0) return undefined;
  return bytesAs?.([shape[0] ?? 1, inner / 2]);
}
