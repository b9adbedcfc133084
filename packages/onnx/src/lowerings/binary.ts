import {
  addOp,
  bitwiseAndOp,
  bitwiseOrOp,
  bitwiseXorOp,
  divOp,
  equalOp,
  greaterEqualOp,
  greaterOp,
  isFloat,
  isInteger,
  lessEqualOp,
  lessOp,
  logicalAndOp,
  logicalOrOp,
  logicalXorOp,
  maximumOp,
  minimumOp,
  modOp,
  mulOp,
  type NoAttributes,
  notEqualOp,
  operand,
  type Primitive,
  powOp,
  sameShape,
  shiftLeftOp,
  shiftRightOp,
  sizeOf,
  subOp,
  type TensorType,
  whereOp,
} from '@lorikeet/tensor-core';
import { asBool } from '../asBool.ts';
import { castNode } from '../carrier.ts';
import { comparable } from '../comparable.ts';
import type { GraphBuilder } from '../graphBuilder.ts';
import { type Lowering, lowering, oneNode } from '../lowering.ts';
import type { Value } from '../value.ts';

export const binaryLowerings: readonly Lowering[] = [
  oneNode(addOp, 'Add', { roundsAlike: true }),
  oneNode(subOp, 'Sub', { roundsAlike: true }),
  oneNode(mulOp, 'Mul', { roundsAlike: true }),
  oneNode(maximumOp, 'Max'),
  oneNode(minimumOp, 'Min'),
  oneNode(bitwiseAndOp, 'BitwiseAnd'),
  oneNode(bitwiseOrOp, 'BitwiseOr'),
  oneNode(bitwiseXorOp, 'BitwiseXor'),
  comparison(equalOp, 'Equal'),
  comparison(greaterOp, 'Greater'),
  comparison(greaterEqualOp, 'GreaterOrEqual'),
  comparison(lessOp, 'Less'),
  comparison(lessEqualOp, 'LessOrEqual'),
  lowering(notEqualOp, 'Equal, Not', {
    lower: ({ graph, inputs }) =>
      graph.node('Not', [
        graph.node(
          'Equal',
          inputs.map((input) => comparable(graph, input)),
        ),
      ]),
  }),
  logical(logicalAndOp, 'And'),
  logical(logicalOrOp, 'Or'),
  logical(logicalXorOp, 'Xor'),
  lowering(divOp, 'Div', {
    lower({ graph, inputs, type }) {
      if (isFloat(type.dtype))
        return graph.node(
          'Div',
          inputs.map(({ name }) => name),
        );
      // In f64, which holds every quotient of such integers: a processor traps a division of integers by 0.
      const [a, b] = inputs.map(({ name }) => castNode(graph, name, 'double'));
      const zero = graph.constant('double', [], [0]);
      const quotient = graph.node('Div', [a ?? '', b ?? '']);
      const whole = graph.node('Where', [graph.node('Equal', [b ?? '', zero]), zero, quotient]);
      const wide = castNode(graph, whole, 'int64');
      return type.dtype === 'u32' ? wide : castNode(graph, wide, 'int32');
    },
  }),
  lowering(powOp, 'Pow', {
    refuses: ([x]) => (x !== undefined && isInteger(x.dtype) ? 'integers' : undefined),
    lower: ({ graph, inputs }) =>
      graph.node(
        'Pow',
        inputs.map(({ name }) => name),
      ),
  }),
  lowering(modOp, 'Mod, ...', {
    refuses: ([x]) => (x !== undefined && isInteger(x.dtype) ? 'integers' : undefined),
    lower({ graph, inputs }) {
      const [a, b] = [operand(inputs, 0).name, operand(inputs, 1).name];
      const zero = graph.constant('float', [], [0]);
      const remainder = graph.node('Mod', [a, b], { fmod: 1 });
      // The result has the sign of the divisor.
      const isOther = graph.node('Less', [
        graph.node('Mul', [graph.node('Sign', [remainder]), graph.node('Sign', [b])]),
        zero,
      ]);
      return graph.node('Where', [isOther, graph.node('Add', [remainder, b]), remainder]);
    },
  }),
  lowering(shiftLeftOp, 'BitShift', {
    lower: ({ graph, inputs }) => shift(graph, inputs, 'LEFT'),
  }),
  lowering(shiftRightOp, 'BitShift', {
    refuses: ([x]) => (x?.dtype.startsWith('i') ? 'signed integers' : undefined),
    lower: ({ graph, inputs }) => shift(graph, inputs, 'RIGHT'),
  }),
  lowering(whereOp, 'Where', {
    exact: true,
    lower({ graph, inputs, type }) {
      const [condition, a, b] = inputs.map(({ name }) => name) as [string, string, string];
      if (type.dtype === 'f32' && isFloor(inputs, type)) return aboveFloor(graph, inputs);
      if (type.dtype !== 'bool') return graph.node('Where', [condition, a, b]);
      const chosen = graph.node('And', [condition, a]);
      const other = graph.node('And', [graph.node('Not', [condition]), b]);
      return graph.node('Or', [chosen, other]);
    },
  }),
];

/** Whether what is chosen instead is a number below all others, by a condition that is broadcast: a mask of attention scores. */
function isFloor([condition, a, b]: readonly Value[], type: TensorType): boolean {
  return (
    b?.literal !== undefined &&
    b.literal <= -1e37 &&
    condition !== undefined &&
    a !== undefined &&
    sizeOf(condition.shape) < sizeOf(type.shape) &&
    sameShape(a.shape, type.shape)
  );
}

/** A sum in place of the choice, four times as fast: such a number swallows whatever finite one is added to it. */
function aboveFloor(graph: GraphBuilder, [condition, a, b]: readonly Value[]): string {
  const floor = graph.constant('float', [], [b?.literal ?? 0]);
  const zero = graph.constant('float', [], [0]);
  const mask = graph.node('Where', [condition?.name ?? '', zero, floor]);
  return graph.node('Add', [a?.name ?? '', mask]);
}

function comparison(op: Primitive<NoAttributes>, opType: string): Lowering {
  return lowering(op, opType, {
    lower: ({ graph, inputs }) =>
      graph.node(
        opType,
        inputs.map((input) => comparable(graph, input)),
      ),
  });
}

function logical(op: Primitive<NoAttributes>, opType: string): Lowering {
  return lowering(op, opType, {
    lower: ({ graph, inputs }) =>
      graph.node(
        opType,
        inputs.map((input) => asBool(graph, input)),
      ),
  });
}

/** By as many bits as the lowest five of the second operand say, as JavaScript does. */
function shift(graph: GraphBuilder, inputs: readonly Value[], direction: 'LEFT' | 'RIGHT'): string {
  const [x, bits] = inputs.map(({ name }) => castNode(graph, name, 'uint64')) as [string, string];
  const few = graph.node('BitwiseAnd', [bits, graph.constant('uint64', [], [31])]);
  const shifted = graph.node('BitShift', [x, few], { direction });
  const wide = castNode(graph, shifted, 'int64');
  return operand(inputs, 0).dtype === 'u32' ? wide : castNode(graph, wide, 'int32');
}
