import * as t from '@lorikeet/tensor-core';
import {
  axisOf,
  get,
  keeping,
  type Meaning,
  type Meanings,
  numberOr,
  ofAB,
  ofX,
} from './meaning.ts';

const convolve: Meaning = (o, parameters) => [
  withBias(t.conv(get(o, 'x'), get(o, 'w'), parameters), o.b),
];

/** Adds one number to each channel. */
function withBias(x: t.Tensor, bias: t.Tensor | undefined): t.Tensor {
  return bias === undefined ? x : t.add(x, t.reshape(bias, [-1, ...x.shape.slice(2).map(() => 1)]));
}

const layerNorm: Meaning = (o, { eps, normalized_shape: shape }) => {
  const x = get(o, 'x');
  const sides = Array.isArray(shape) ? (shape as number[]) : x.shape.slice(-1);
  const [weight, bias] = [o.w ?? t.ones(sides, x.dtype), o.b ?? t.zeros(sides, x.dtype)];
  return [t.layerNorm(x, weight, bias, numberOr(eps, 1e-5))];
};

const attend: Meaning = (o, { is_causal: causal, scale }) => {
  const { mask } = o;
  return [
    t.attention(get(o, 'q'), get(o, 'k'), get(o, 'v'), {
      ...(mask === undefined ? {} : mask.dtype === 'bool' ? { mask } : { bias: mask }),
      ...(typeof scale === 'number' ? { scale } : {}),
      causal: causal === true,
    }),
  ];
};

/** Rows of a table, of which that of padding gets no derivative. */
const embed: Meaning = (o, { padding_idx: padding }) => {
  const [ids, table] = [get(o, 'ids'), get(o, 'w')];
  const rows = t.gather(table, ids);
  if (typeof padding !== 'number') return [rows];
  const isPadding = t.reshape(t.equal(ids, padding), [...ids.shape, 1]);
  return [t.where(isPadding, t.stopGradient(rows), rows)];
};

export const layers: Meanings = {
  matmul: ofAB(t.matmul),
  linear: (o) => {
    const product = t.matmul(get(o, 'x'), t.swapAxes(get(o, 'w')));
    return [o.b === undefined ? product : t.add(product, o.b)];
  },
  einsum: (o, { equation }) => [t.einsum(String(equation), ...Object.values(o))],
  conv1d: convolve,
  conv2d: convolve,
  conv_transpose1d: (o, { output_padding: outputPadding, ...parameters }) => [
    withBias(
      t.convTranspose(get(o, 'x'), get(o, 'w'), {
        ...parameters,
        outputPadding: numberOr(outputPadding, 0),
      }),
      o.b,
    ),
  ],
  max_pool2d: ofX((x, { kernel, stride, padding }) =>
    t.maxPool(x, Number(kernel), {
      stride: Number(stride ?? kernel),
      padding: numberOr(padding, 0),
    }),
  ),
  avg_pool2d: ofX((x, { kernel, stride, padding }) =>
    t.avgPool(x, Number(kernel), {
      stride: Number(stride ?? kernel),
      padding: numberOr(padding, 0),
    }),
  ),
  adaptive_avg_pool1d: ofX((x, { output }) => t.adaptiveAvgPool(x, [Number(output)])),
  softmax: ofX((x, p) => t.softmax(x, axisOf(p))),
  log_softmax: ofX((x, p) => t.logSoftmax(x, axisOf(p))),
  logsumexp: ofX((x, p) => t.logSumExp(x, axisOf(p), keeping(p))),
  layer_norm: layerNorm,
  rms_norm: (o, { eps }) => [t.rmsNorm(get(o, 'x'), get(o, 'w'), numberOr(eps, 1e-6))],
  group_norm: (o, { groups, eps }) => [
    t.groupNorm(get(o, 'x'), get(o, 'w'), get(o, 'b'), {
      groups: Number(groups),
      epsilon: numberOr(eps, 1e-5),
    }),
  ],
  'nn.functional.normalize': ofX((x, p) =>
    t.normalize(x, { p: p.p === 1 ? 1 : 2, axis: axisOf(p) }),
  ),
  embedding: embed,
  scaled_dot_product_attention: attend,
  'interpolate nearest': ofX((x, p) => t.interpolate(x, { ...sizeOf(p), mode: 'nearest' })),
  'interpolate bilinear': ofX((x, p) =>
    t.interpolate(x, { ...sizeOf(p), mode: 'linear', alignCorners: p.align_corners === true }),
  ),
};

function sizeOf({
  size,
  scale_factor: scale,
}: Readonly<Record<string, unknown>>): { size: readonly number[] } | { scale: number } {
  return Array.isArray(size) ? { size } : { scale: numberOr(scale, 1) };
}
