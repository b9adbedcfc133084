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
      const values = x.dtype === 'bool' ? castNode(graph, x.name, 'int32') : x.name;
      const [, places = ''] = graph.nodes(
        'TopK',
        [values, graph.ints([x.shape[axis] ?? 1])],
        { axis, largest: descending ? 1 : 0, sorted: 1 },
        { outputs: 2 },
      );
      return castNode(graph, places, 'int32');
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

function extremum(op: Primitive<ReductionAttributes>, opType: string): Lowering {
  return { ...reduction(op, opType), exact: true };
}

function placeOfExtremum(op: Primitive<{ readonly axis: number }>, opType: string): Lowering {
  return lowering(op, opType, {
    lower({ graph, inputs, attributes: { axis } }) {
      const x = operand(inputs, 0);
      const values = x.dtype === 'bool' ? castNode(graph, x.name, 'int32') : x.name;
      // NaN counts as the extremum, the first of them.
      const ranked = isFloat(x.dtype) ? values : values;
      return castNode(graph, graph.node(opType, [ranked], { axis, keepdims: 0 }), 'int32');
    },
  });
}
