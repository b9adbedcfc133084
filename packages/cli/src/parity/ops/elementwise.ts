import * as t from '@lorikeet/tensor-core';
import { get, type Meanings, numberOr, ofAB, ofX } from './meaning.ts';

export const elementwise: Meanings = {
  gelu_exact: ofX((x) => t.gelu(x)),
  gelu_tanh: ofX((x) => t.gelu(x, 'tanh')),
  silu: ofX(t.silu),
  relu: ofX(t.relu),
  // The file does not say that its slope was set to 0.1.
  leaky_relu: ofX((x, { negative_slope }) => t.leakyRelu(x, numberOr(negative_slope, 0.1))),
  elu: ofX((x, { alpha }) => t.elu(x, numberOr(alpha, 1))),
  mish: ofX(t.mish),
  hardswish: ofX(t.hardSwish),
  logsigmoid: ofX(t.logSigmoid),
  softplus: ofX((x) => t.softplus(x)),
  tanh: ofX(t.tanh),
  sigmoid: ofX(t.sigmoid),
  erf: ofX(t.erf),
  exp: ofX(t.exp),
  log: ofX(t.log),
  log1p: ofX(t.log1p),
  sin: ofX(t.sin),
  cos: ofX(t.cos),
  abs: ofX(t.abs),
  neg: ofX(t.neg),
  square: ofX(t.square),
  sqrt: ofX(t.sqrt),
  rsqrt: ofX(t.rsqrt),
  reciprocal: ofX(t.reciprocal),
  pow: (o, { exponent }) => [t.pow(get(o, 'x'), o.e ?? Number(exponent))],
  clamp: ofX((x, { min, max }) =>
    t.clamp(x, numberOr(min, Number.NEGATIVE_INFINITY), numberOr(max, Number.POSITIVE_INFINITY)),
  ),
  'a * b + c': (o) => [t.add(t.mul(get(o, 'a'), get(o, 'b')), get(o, 'c'))],
  'a / b': ofAB(t.div),
  'maximum, minimum': ofAB(t.maximum, t.minimum),
  where: (o) => [t.where(get(o, 'cond'), get(o, 'a'), get(o, 'b'))],
  masked_fill: (o, { value }) => [t.where(get(o, 'mask'), Number(value), get(o, 'x'))],
  'a * detach(a)': (o) => [t.mul(get(o, 'a'), t.stopGradient(get(o, 'a')))],
  'a used three times: sum(a * a) + a @ a.T': (o) => {
    const a = get(o, 'a');
    return [t.add(t.sum(t.mul(a, a)), t.matmul(a, t.swapAxes(a)))];
  },
};
