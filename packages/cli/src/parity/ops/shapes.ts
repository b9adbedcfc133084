import * as t from '@lorikeet/tensor-core';
import {
  axesOf,
  axisOf,
  get,
  keeping,
  type Meanings,
  numberOr,
  type Operands,
  ofX,
  type Parameters,
} from './meaning.ts';

/** The largest or smallest elements along one axis, and where they are. */
const extremes =
  (value: typeof t.max, place: typeof t.argmax) =>
  (x: t.Tensor, axis: number, keepAxes: boolean): t.Tensor[] => {
    const at = place(x, axis);
    return [value(x, axis, { keepAxes }), keepAxes ? t.expandDims(at, axis) : at];
  };

export const shapes: Meanings = {
  sum: ofX((x, p) => t.sum(x, axesOf(p), keeping(p))),
  mean: ofX((x, p) => t.mean(x, axesOf(p), keeping(p))),
  prod: ofX((x, p) => t.prod(x, axesOf(p), keeping(p))),
  max: ofX((x) => t.max(x)),
  min: ofX((x) => t.min(x)),
  amax: ofX((x, p) => t.max(x, axesOf(p), keeping(p))),
  amin: ofX((x, p) => t.min(x, axesOf(p), keeping(p))),
  'max(dim)': (o, p) => extremes(t.max, t.argmax)(get(o, 'x'), axisOf(p), keeping(p).keepAxes),
  'min(dim)': (o, p) => extremes(t.min, t.argmin)(get(o, 'x'), axisOf(p), keeping(p).keepAxes),
  'argmax, argmin': (o, p) => [t.argmax(get(o, 'x'), axisOf(p)), t.argmin(get(o, 'x'), axisOf(p))],
  var: ofX((x, p) => t.variance(x, axesOf(p), { ...correctionOf(p), ...keeping(p) })),
  std: ofX((x, p) => t.std(x, axesOf(p), { ...correctionOf(p), ...keeping(p) })),
  'linalg.vector_norm': ofX((x, p) =>
    t.vectorNorm(x, { order: orderOf(p), ...axesIfAny(p), ...keeping(p) }),
  ),
  cumsum: ofX((x, p) => t.cumsum(x, axisOf(p))),
  cumprod: ofX((x, p) => t.cumprod(x, axisOf(p))),
  topk: (o, p) => {
    const { values, indices } = t.topk(get(o, 'x'), Number(p.k), {
      axis: axisOf(p),
      largest: p.largest !== false,
    });
    return [values, indices];
  },
  sort: (o, p) => {
    const [x, options] = [get(o, 'x'), { axis: axisOf(p), descending: p.descending === true }];
    return [t.sort(x, options), t.argsort(x, options)];
  },
  cat: (o, p) => [t.concat(Object.values(o), axisOf(p))],
  stack: (o, p) => [t.stack(Object.values(o), axisOf(p))],
  'permute then reshape': ofX((x, { perm, shape }) =>
    t.reshape(t.permute(x, perm as number[]), shape as number[]),
  ),
  'expand(2,-1,-1), repeat': (o, { repeat }) => {
    const x = get(o, 'x');
    return [t.broadcastTo(x, [2, ...x.shape]), t.tile(x, repeat as number[])];
  },
  'x[1::2, ...]': ofX((x, { slices }) => sliced(x, String(slices))),
  pad: ofX((x, { pad, value }) => {
    const [low = 0, high = 0] = Array.isArray(pad) ? (pad as number[]) : [];
    const before = x.shape.map((_, axis) => (axis === x.rank - 1 ? low : 0));
    const after = x.shape.map((_, axis) => (axis === x.rank - 1 ? high : 0));
    const isInside = t.pad(t.ones(x.shape, 'bool'), { low: before, high: after });
    return t.where(isInside, t.pad(x, { low: before, high: after }), numberOr(value, 0));
  }),
  'roll, flip': (o, p) => [
    t.roll(get(o, 'x'), Number(p.shift), axisOf(p)),
    t.flip(get(o, 'x'), axisOf(p)),
  ],
  'tril, triu': (o, { diagonal }) => [
    t.tril(get(o, 'x'), numberOr(diagonal, 0)),
    t.triu(get(o, 'x'), numberOr(diagonal, 0)),
  ],
  'outer, diagonal': (o) => {
    const product = t.outer(get(o, 'a'), get(o, 'b'));
    return [product, t.diagonal(product)];
  },
  gather: (o, p) => [t.takeAlongAxis(get(o, 'x'), get(o, 'index'), axisOf(p))],
  scatter: (o, p) => [put(o, axisOf(p), 'set')],
  scatter_add: (o, p) => [put(o, axisOf(p), 'add')],
  index_select: (o, p) => [t.gather(get(o, 'x'), get(o, 'index'), axisOf(p))],
  index_add: (o, p) => [t.scatterAdd(get(o, 'x'), get(o, 'index'), get(o, 'src'), axisOf(p))],
  one_hot: (o, { classes }) => [t.oneHot(get(o, 'ids'), Number(classes), 'i32')],
};

function correctionOf({ correction }: Parameters): { correction: number } {
  return { correction: numberOr(correction, 1) };
}

/** PyTorch's `ord`, which the file has as text. */
function orderOf({ ord }: Parameters): number {
  return Number(ord) === 1 ? 1 : ord === 'inf' ? Number.POSITIVE_INFINITY : 2;
}

function axesIfAny(p: Parameters): { axes?: number | readonly number[] } {
  const axes = axesOf(p);
  return axes === undefined ? {} : { axes };
}

function put(o: Operands, axis: number, mode: 'set' | 'add'): t.Tensor {
  return t.putAlongAxis(get(o, 'x'), get(o, 'index'), get(o, 'src'), axis, { mode });
}

/** `x[a:b:c, ...]` as it is written in Python, with positive steps. */
function sliced(x: t.Tensor, text: string): t.Tensor {
  const parts = text.replace(/[[\]\s]/g, '').split(',');
  const ranges = x.shape.map((side, axis) => {
    const [from = '', to = '', step = ''] = (parts[axis] ?? ':').split(':');
    const place = (written: string, otherwise: number): number => {
      const index = written === '' ? otherwise : Number(written);
      return Math.min(Math.max(index < 0 ? index + side : index, 0), side);
    };
    const [first, last, by] = [place(from, 0), place(to, side), step === '' ? 1 : Number(step)];
    return { first, size: Math.max(0, Math.ceil((last - first) / by)), by };
  });
  return t.slice(
    x,
    ranges.map(({ first }) => first),
    ranges.map(({ size }) => size),
    ranges.map(({ by }) => by),
  );
}
