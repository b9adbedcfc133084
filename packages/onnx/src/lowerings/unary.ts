import {
  absOp,
  aliasOp,
  barrierOp,
  bitwiseNotOp,
  castOp,
  ceilOp,
  cosOp,
  erfOp,
  expm1Op,
  expOp,
  floorOp,
  isFiniteOp,
  isFloat,
  isInteger,
  isNaNOp,
  log1pOp,
  logicalNotOp,
  logOp,
  negOp,
  operand,
  roundOp,
  rsqrtOp,
  signOp,
  sinOp,
  sqrtOp,
  stopGradientOp,
  tanhOp,
  tanOp,
} from '@lorikeet/tensor-core';
import { after } from '../after.ts';
import { asBool } from '../asBool.ts';
import { carrierOf, castNode } from '../carrier.ts';
import { type Lowering, lowering, oneNode } from '../lowering.ts';

const passed: Pick<Lowering, 'lower' | 'exact'> = {
  exact: true,
  lower: ({ inputs }) => operand(inputs, 0).name,
};

export const unaryLowerings: readonly Lowering[] = [
  oneNode(absOp, 'Abs'),
  oneNode(ceilOp, 'Ceil'),
  oneNode(cosOp, 'Cos'),
  oneNode(erfOp, 'Erf'),
  oneNode(expOp, 'Exp'),
  oneNode(floorOp, 'Floor'),
  oneNode(logOp, 'Log'),
  oneNode(negOp, 'Neg'),
  oneNode(roundOp, 'Round'),
  oneNode(sinOp, 'Sin'),
  oneNode(sqrtOp, 'Sqrt'),
  oneNode(tanOp, 'Tan'),
  oneNode(tanhOp, 'Tanh'),
  oneNode(isNaNOp, 'IsNaN'),
  oneNode(bitwiseNotOp, 'BitwiseNot'),
  lowering(signOp, 'Sign', {
    lower({ graph, inputs }) {
      const x = operand(inputs, 0);
      const sign = graph.node('Sign', [x.name]);
      // ONNX Runtime gives 0 for NaN.
      return isFloat(x.dtype)
        ? graph.node('Where', [graph.node('IsNaN', [x.name]), x.name, sign])
        : sign;
    },
  }),
  lowering(rsqrtOp, 'Sqrt, Reciprocal', {
    lower: ({ graph, inputs }) =>
      graph.node('Reciprocal', [graph.node('Sqrt', [operand(inputs, 0).name])]),
  }),
  lowering(log1pOp, 'Log, ...', {
    lower({ graph, inputs }) {
      // log(1 + x) x / ((1 + x) - 1): the rounding of 1 + x cancels (Kahan).
      const { name: x, dtype } = operand(inputs, 0);
      const one = graph.constant(carrierOf(dtype), [], [1]);
      const sum = graph.node('Add', [x, one]);
      const log = graph.node('Log', [sum]);
      const rounded = graph.node('Sub', [sum, one]);
      const same = graph.node('Or', [
        graph.node('Equal', [rounded, x]),
        graph.node('IsInf', [sum]),
      ]);
      const corrected = graph.node('Mul', [log, graph.node('Div', [x, rounded])]);
      const tiny = graph.node('Equal', [sum, one]);
      return graph.node('Where', [tiny, x, graph.node('Where', [same, log, corrected])]);
    },
  }),
  lowering(expm1Op, 'Tanh, Exp, ...', {
    lower({ graph, inputs }) {
      // Near 0, where exp(x) - 1 cancels: 2 t / (1 - t) with t = tanh(x / 2).
      const { name: x, dtype } = operand(inputs, 0);
      const number = (value: number): string => graph.constant(carrierOf(dtype), [], [value]);
      const t = graph.node('Tanh', [graph.node('Mul', [x, number(0.5)])]);
      const near = graph.node('Div', [
        graph.node('Add', [t, t]),
        graph.node('Sub', [number(1), t]),
      ]);
      const far = graph.node('Sub', [graph.node('Exp', [x]), number(1)]);
      const isNear = graph.node('Less', [graph.node('Abs', [x]), number(0.5)]);
      return graph.node('Where', [isNear, near, far]);
    },
  }),
  lowering(isFiniteOp, 'IsInf, IsNaN, Or, Not', {
    lower({ graph, inputs }) {
      const { name } = operand(inputs, 0);
      return graph.node('Not', [
        graph.node('Or', [graph.node('IsInf', [name]), graph.node('IsNaN', [name])]),
      ]);
    },
  }),
  lowering(logicalNotOp, 'Not', {
    lower: ({ graph, inputs }) => graph.node('Not', [asBool(graph, operand(inputs, 0))]),
  }),
  lowering(castOp, 'Cast', {
    lower({ graph, inputs, attributes: { dtype } }) {
      const x = operand(inputs, 0);
      if (dtype === 'bool') return asBool(graph, x);
      // By way of i64, so that what does not fit wraps.
      const whole =
        isFloat(x.dtype) && isInteger(dtype) ? castNode(graph, x.name, 'int64') : x.name;
      const from = whole === x.name ? carrierOf(x.dtype) : 'int64';
      return from === carrierOf(dtype) ? whole : castNode(graph, whole, carrierOf(dtype));
    },
  }),
  lowering(aliasOp, 'nothing', passed),
  lowering(stopGradientOp, 'nothing', passed),
  lowering(barrierOp, 'Reshape', {
    exact: true,
    lower({ graph, inputs: [x, ...others], type }) {
      const { name } = operand([x], 0) as NonNullable<typeof x>;
      return after(graph, { name: name, shape: type.shape }, others);
    },
  }),
];
