import type { Tensor } from '@lorikeet/tensor-core';
import * as t from '@lorikeet/tensor-core';

/** A case's operands by their names in PyTorch. */
export type Operands = Readonly<Record<string, Tensor>>;
export type Parameters = Readonly<Record<string, unknown>>;

type Meaning = (operands: Operands, parameters: Parameters) => readonly Tensor[];

export function get(operands: Operands, name: string): Tensor {
  const found = operands[name];
  if (found === undefined) throw new Error(`there is no operand ${name}`);
  return found;
}

const ofX =
  (fn: (x: Tensor, parameters: Parameters) => Tensor): Meaning =>
  (operands, parameters) => [fn(get(operands, 'x'), parameters)];

const ofAB =
  (...fns: ((a: Tensor, b: Tensor) => Tensor)[]): Meaning =>
  (operands) =>
    fns.map((fn) => fn(get(operands, 'a'), get(operands, 'b')));

const convolve: Meaning = (operands, parameters) => {
  const [x, w, b] = [get(operands, 'x'), get(operands, 'w'), get(operands, 'b')];
  const bias = t.reshape(b, [-1, ...x.shape.slice(2).map(() => 1)]);
  return [t.add(t.conv(x, w, parameters as t.ConvOptions), bias)];
};

const attend =
  (options: (operands: Operands, parameters: Parameters) => t.AttentionOptions): Meaning =>
  (operands, parameters) => [
    t.attention(
      get(operands, 'q'),
      get(operands, 'k'),
      get(operands, 'v'),
      options(operands, parameters),
    ),
  ];

const crossEntropy: Meaning = (operands) => [
  t.crossEntropy(get(operands, 'logits'), get(operands, 'target')),
];

const along = ({ dim }: Parameters): number | readonly number[] | undefined =>
  dim === null || dim === undefined ? undefined : (dim as number | readonly number[]);
const axisOf = ({ dim }: Parameters): number => Number(dim);
const norm = (x: Tensor, options?: t.ReductionOptions): Tensor =>
  t.sqrt(t.sum(t.mul(x, x), -1, options));

/** How each golden case, without the part of its name that only tells its parameters, is said in our ops. */
export const meanings: Readonly<Record<string, Meaning>> = {
  matmul: ofAB(t.matmul),
  linear: (o) => [t.add(t.matmul(get(o, 'x'), t.swapAxes(get(o, 'w'))), get(o, 'b'))],
  einsum: (o) => [t.matmul(get(o, 'q'), t.swapAxes(get(o, 'k')))],
  conv1d: convolve,
  conv2d: convolve,
  softmax: ofX((x, p) => t.softmax(x, axisOf(p))),
  log_softmax: ofX((x, p) => t.logSoftmax(x, axisOf(p))),
  logsumexp: ofX((x, p) => t.logSumExp(x, axisOf(p))),
  cross_entropy: crossEntropy,
  mse_loss: (o) => [t.mean(t.pow(t.sub(get(o, 'x'), get(o, 't')), 2))],
  layer_norm: (o, { eps }) => [t.layerNorm(get(o, 'x'), get(o, 'w'), get(o, 'b'), Number(eps))],
  rms_norm: (o, { eps }) => {
    const x = get(o, 'x');
    const square = t.mean(t.mul(x, x), -1, { keepAxes: true });
    return [t.mul(t.mul(x, t.rsqrt(t.add(square, Number(eps)))), get(o, 'w'))];
  },
  gelu_exact: ofX((x) => t.gelu(x)),
  gelu_tanh: ofX((x) => t.gelu(x, 'tanh')),
  silu: ofX(t.silu),
  relu: ofX(t.relu),
  tanh: ofX(t.tanh),
  sigmoid: ofX(t.sigmoid),
  erf: ofX(t.erf),
  exp: ofX(t.exp),
  sin: ofX(t.sin),
  cos: ofX(t.cos),
  abs: ofX(t.abs),
  square: ofX((x) => t.mul(x, x)),
  neg: ofX(t.neg),
  log: ofX(t.log),
  sqrt: ofX(t.sqrt),
  rsqrt: ofX(t.rsqrt),
  reciprocal: ofX((x) => t.div(1, x)),
  pow: (o, { exponent }) => [t.pow(get(o, 'x'), o.e ?? Number(exponent))],
  clamp: ofX((x, { min, max }) => t.minimum(t.maximum(x, Number(min)), Number(max))),
  'a * b + c': (o) => [t.add(t.mul(get(o, 'a'), get(o, 'b')), get(o, 'c'))],
  'a / b': ofAB(t.div),
  'maximum, minimum': ofAB(t.maximum, t.minimum),
  embedding: (o) => [t.gather(get(o, 'w'), get(o, 'ids'))],
  scaled_dot_product_attention: attend((o, { is_causal: causal = false, scale }) => ({
    mask: o.mask,
    causal: causal === true,
    ...(scale === undefined ? {} : { scale: Number(scale) }),
  })),
  index_select: (o) => [t.gather(get(o, 'x'), get(o, 'index'))],
  index_add: (o) => [t.scatterAdd(get(o, 'x'), get(o, 'index'), get(o, 'src'))],
  'max(dim)': (o, p) => [t.max(get(o, 'x'), axisOf(p)), t.argmax(get(o, 'x'), axisOf(p))],
  max: ofX((x) => t.max(x)),
  amax: ofX((x, p) => t.max(x, along(p))),
  'argmax, argmin': (o, p) => [get(o, 'x'), t.neg(get(o, 'x'))].map((x) => t.argmax(x, axisOf(p))),
  where: (o) => [t.where(get(o, 'cond'), get(o, 'a'), get(o, 'b'))],
  masked_fill: (o, { value }) => [t.where(get(o, 'mask'), Number(value), get(o, 'x'))],
  var: ofX((x) => {
    const centred = t.sub(x, t.mean(x, -1, { keepAxes: true }));
    return t.div(t.sum(t.mul(centred, centred), -1), (x.shape.at(-1) ?? 0) - 1);
  }),
  sum: ofX((x, p) => t.sum(x, along(p))),
  mean: ofX((x, p) => t.mean(x, along(p))),
  'linalg.vector_norm': ofX((x) => norm(x)),
  'nn.functional.normalize': ofX((x) => t.div(x, norm(x, { keepAxes: true }))),
  cat: (o, p) => [t.concat([get(o, 'a'), get(o, 'b')], axisOf(p))],
  stack: (o) => [
    t.concat(
      [get(o, 'a'), get(o, 'b')].map((x) => t.reshape(x, [2, 1, 3])),
      1,
    ),
  ],
  'permute then reshape': ofX((x, { perm, shape }) =>
    t.reshape(t.permute(x, perm as number[]), shape as number[]),
  ),
  'expand(2,-1,-1), repeat': (o) => [
    t.broadcastTo(get(o, 'x'), [2, 3, 2]),
    t.concat([get(o, 'x'), get(o, 'x')], 1),
  ],
  'x[1::2, ...]': ofX((x) => t.slice(x, [1, 0, 2], [2, 3, 2], [2, 1, 1])),
  one_hot: (o, { classes }) => [t.oneHot(get(o, 'ids'), Number(classes))],
  'a used three times: sum(a * a) + a @ a.T': (o) => {
    const a = get(o, 'a');
    return [t.add(t.sum(t.mul(a, a)), t.matmul(a, t.swapAxes(a)))];
  },
  'a * detach(a)': (o) => [t.mul(get(o, 'a'), t.stopGradient(get(o, 'a')))],
};
