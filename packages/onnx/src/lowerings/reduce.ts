import {
  argmaxOp,
  argminOp,
  argsortOp,
  cumsumOp,
  isFloat,
  maxOp,
  minOp,
  operand,
  type Primitive,
  prodOp,
  sumOp,
  type TopkAttributes,
  topkOp,
} from '@lorikeet/tensor-core';
import { castNode } from '../carrier.ts';
import { comparable } from '../comparable.ts';
import type { GraphBuilder } from '../graphBuilder.ts';
import { type Lowering, lowering } from '../lowering.ts';
import type { Value } from '../value.ts';

type ReductionAttributes = { readonly axes: readonly number[]; readonly keepAxes: boolean };

export const reduceLowerings: readonly Lowering[] = [
  reduction(sumOp, 'ReduceSum'),
  reduction(prodOp, 'ReduceProd'),
  extremum(maxOp, 'ReduceMax'),
  extremum(minOp, 'ReduceMin'),
  placeOfExtremum(argmaxOp, 'ArgMax'),
  placeOfExtremum(argminOp, 'ArgMin'),
  lowering(cumsumOp, 'CumSum', {
    lower: ({ graph, inputs, attributes: { axis, reverse } }) =>
      graph.node('CumSum', [operand(inputs, 0).name, graph.constant('int64', [], [axis])], {
        reverse: reverse ? 1 : 0,
      }),
  }),
  lowering(argsortOp, 'TopK', {
    lower({ graph, inputs, attributes: { axis, descending } }) {
      const x = operand(inputs, 0);
      return firstPlaces(graph, x, { axis, count: x.shape[axis] ?? 1, largest: descending });
    },
  }),
  lowering(topkOp, 'TopK', {
    lower: ({ graph, inputs, attributes }) => firstPlaces(graph, operand(inputs, 0), attributes),
  }),
];

/** Where the first elements are in order; of equals the first. NaN is larger than infinity: in doubles there is room for both. */
function firstPlaces(
  graph: GraphBuilder,
  x: Value,
  { axis, count, largest }: TopkAttributes,
): string {
  const order = (values: string): string => {
    const attributes = { axis, largest: largest ? 1 : 0, sorted: 1 };
    const [, places = ''] = graph.nodes('TopK', [values, graph.ints([count])], attributes, {
      outputs: 2,
    });
    return castNode(graph, places, 'int32');
  };
  if (!isFloat(x.dtype)) return order(comparable(graph, x));
  const double = (value: number): string => graph.constant('double', [], [value]);
  const finite = graph.node('Clip', [
    castNode(graph, x.name, 'double'),
    '',
    double(Number.MAX_VALUE),
  ]);
  const nans = graph.node('IsNaN', [x.name]);
  return order(graph.node('Where', [nans, double(Number.POSITIVE_INFINITY), finite]));
}

function reduction(op: Primitive<ReductionAttributes>, opType: string): Lowering {
  return lowering(op, opType, {
    lower: ({ graph, inputs, attributes: { axes, keepAxes } }) =>
      graph.node(opType, [operand(inputs, 0).name, graph.ints(axes)], {
        keepdims: keepAxes ? 1 : 0,
        noop_with_empty_axes: 1,
      }),
  });
}

/** ONNX Runtime passes NaN over; here a line with one has it as its extremum. */
function extremum(op: Primitive<ReductionAttributes>, opType: string): Lowering {
  return lowering(op, `${opType}, IsNaN, Where`, {
    exact: true,
    lower({ graph, inputs, attributes: { axes, keepAxes } }) {
      const { name, dtype } = operand(inputs, 0);
      const reduce = (kind: string, values: string): string =>
        graph.node(kind, [values, graph.ints(axes)], {
          keepdims: keepAxes ? 1 : 0,
          noop_with_empty_axes: 1,
        });
      const extreme = reduce(opType, name);
      if (!isFloat(dtype)) return extreme;
      const hasNaN = reduce('ReduceMax', graph.node('IsNaN', [name]));
      const nan = graph.constant('float', [], [Number.NaN]);
      return graph.node('Where', [hasNaN, nan, extreme]);
    },
  });
}

/** The first NaN comes before all. */
function placeOfExtremum(op: Primitive<{ readonly axis: number }>, opType: string): Lowering {
  return lowering(op, `${opType}, IsNaN, Where`, {
    lower({ graph, inputs, attributes: { axis } }) {
      const x = operand(inputs, 0);
      const place = (kind: string, values: string): string =>
        graph.node(kind, [values], { axis, keepdims: 0 });
      const extreme = place(opType, comparable(graph, x));
      if (!isFloat(x.dtype)) return castNode(graph, extreme, 'int32');
      const nans = graph.node('IsNaN', [x.name]);
      const hasNaN = graph.node('ReduceMax', [nans, graph.ints([axis])], { keepdims: 0 });
      const ofNaN = place('ArgMax', castNode(graph, nans, 'int32'));
      return castNode(graph, graph.node('Where', [hasNaN, ofNaN, extreme]), 'int32');
    },
  });
}
