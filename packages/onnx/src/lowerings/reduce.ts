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
} from '@lorikeet/tensor-core';
import { castNode } from '../carrier.ts';
import { comparable } from '../comparable.ts';
import { type Lowering, lowering } from '../lowering.ts';

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
      const order = (values: string): string => {
        const attributes = { axis, largest: descending ? 1 : 0, sorted: 1 };
        const side = graph.ints([x.shape[axis] ?? 1]);
        const [, places = ''] = graph.nodes('TopK', [values, side], attributes, { outputs: 2 });
        return places;
      };
      if (!isFloat(x.dtype)) return castNode(graph, order(comparable(graph, x)), 'int32');
      // First with NaN among the infinities, then NaN behind them: equals keep their order.
      const nans = graph.node('IsNaN', [x.name]);
      const infinity = graph.constant('float', [], [Number.POSITIVE_INFINITY]);
      const first = order(graph.node('Where', [nans, infinity, x.name]));
      const sorted = graph.node('GatherElements', [castNode(graph, nans, 'int32'), first], {
        axis,
      });
      const second = order(sorted);
      return castNode(graph, graph.node('GatherElements', [first, second], { axis }), 'int32');
    },
  }),
];

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
