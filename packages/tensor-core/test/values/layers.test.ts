import * as t from '@lorikeet/tensor-core';
import {
  type AttentionOptions,
  attention,
  grad,
  mul,
  randomKey,
  softmax,
  sum,
  type Tensor,
  tensor,
  where,
  zeros,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { near, nested } from '../nested.ts';

const normal = (shape: number[], seed: number): Tensor =>
  t.cast(t.normal(randomKey(seed), shape), 'f64');
const difference = async (a: Tensor, b: Tensor): Promise<number> =>
  t.max(t.abs(t.sub(a, b))).item();
const [query, key, value] = [
  normal([2, 4, 5, 3], 1),
  normal([2, 4, 6, 3], 2),
  normal([2, 4, 6, 2], 3),
];

/** Attention written out, with the scores of what is not seen taken away. */
function plain(isSeen: Tensor | undefined, bias?: Tensor): Tensor {
  const scores = mul(t.matmul(query, t.swapAxes(key)), 1 / Math.sqrt(3));
  const biased = bias === undefined ? scores : t.add(scores, bias);
  return t.matmul(softmax(isSeen === undefined ? biased : where(isSeen, biased, -1e38)), value);
}

/** Whether the query at `i` (the last at 1) sees the key at `j`: a mask of [5, 6]. */
const seen = (rule: (ahead: number) => boolean): Tensor =>
  tensor(
    Array.from({ length: 5 }, (_, i) =>
      Array.from({ length: 6 }, (_unused, j) => Number(rule(j - (i + 1)))),
    ),
    undefined,
    'bool',
  );

describe('attention', () => {
  const bias = normal([4, 5, 6], 4);
  const mask = tensor([1, 1, 0, 1, 1, 0], [1, 1, 1, 6], 'bool');
  test.each<[string, AttentionOptions, Tensor]>([
    ['plain', {}, plain(undefined)],
    [
      'causal: no later key than the query, the last of which stands at the last key',
      { causal: true },
      plain(seen((ahead) => ahead <= 0)),
    ],
    [
      'a window of the last keys',
      { causal: true, window: 2 },
      plain(seen((ahead) => ahead <= 0 && ahead > -2)),
    ],
    ['a window to both sides', { window: 2 }, plain(seen((ahead) => Math.abs(ahead) < 2))],
    ['a mask', { mask }, plain(mask)],
    ['a bias', { bias }, plain(undefined, bias)],
    [
      'all of them',
      { bias, mask, causal: true, window: 3 },
      plain(
        t.logicalAnd(
          mask,
          seen((ahead) => ahead <= 0 && ahead > -3),
        ),
        bias,
      ),
    ],
  ])('%s', async (_, options, expected) => {
    expect(await difference(attention(query, key, value, options), expected)).toBeLessThan(1e-12);
  });

  test('heads that share keys and values', async () => {
    const [k, v] = [t.sliceAxis(key, 1, 0, 2), t.sliceAxis(value, 1, 0, 2)];
    const repeated = attention(query, t.repeat(k, 2, 1), t.repeat(v, 2, 1), { causal: true });
    expect(await difference(attention(query, k, v, { causal: true }), repeated)).toBeLessThan(
      1e-12,
    );
    const slope = grad((x: Tensor) => sum(t.sin(attention(query, x, v))))(k);
    expect(slope.shape).toEqual(k.shape);
  });

  test('the bias has a derivative', async () => {
    const byBias = grad((b: Tensor) => sum(t.sin(attention(query, key, value, { bias: b }))))(bias);
    const plainly = grad((b: Tensor) => sum(t.sin(plain(undefined, b))))(bias);
    expect(await difference(byBias, plainly)).toBeLessThan(1e-12);
  });

  test.each(['f32', 'f16', 'f64'] as const)(
    'a query that sees no key stays finite in %s',
    async (dtype) => {
      const [q, k, v] = [query, key, value].map((x) => t.cast(x, dtype)) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const none = zeros([1, 1, 1, 6], 'bool');
      const blind = (x: Tensor): Tensor => attention(x, k, v, { mask: none, causal: true });
      for (const data of [
        await blind(q).data(),
        await grad((x: Tensor) => sum(blind(x)))(q).data(),
      ])
        expect(data.every(Number.isFinite)).toBe(true);
    },
  );

  test('dropout on the weights keeps the mean', async () => {
    const many = t.full([1, 1, 1, 4000], 1, 'f32');
    const one = t.full([1, 1, 4000, 1], 1);
    const dropped = attention(zeros([1, 1, 50, 1]), t.swapAxes(many), one, {
      dropout: { rate: 0.5, key: randomKey(7) },
    });
    const data = await dropped.data();
    expect(new Set(data).size).toBeGreaterThan(10);
    for (const x of data) expect(Math.abs(x - 1)).toBeLessThan(0.1);
  });

  const misfit = /^attention: query, key and value do not fit/;
  const cut = (x: Tensor, axis: number, size: number): Tensor => t.sliceAxis(x, axis, 0, size);
  test.each<[string, () => unknown, RegExp]>([
    ['heads that do not divide', () => attention(query, cut(key, 1, 3), cut(value, 1, 3)), misfit],
    ['keys of fewer heads than values', () => attention(query, cut(key, 1, 2), value), misfit],
    ['keys and values of two lengths', () => attention(query, key, cut(value, 2, 5)), misfit],
    ['keys of another batch', () => attention(query, cut(key, 0, 1), value), misfit],
    ['values of another batch', () => attention(query, key, cut(value, 0, 1)), misfit],
    ['keys of another head size', () => attention(query, cut(key, 3, 2), value), misfit],
    ['values of rank 3', () => attention(query, key, t.reshape(value, [8, 6, 2])), misfit],
    [
      'a mask of another length',
      () => attention(query, key, value, { mask: zeros([1, 1, 1, 5], 'bool') }),
      /^attention: the mask does not fit\n.*\[2,4,5,6\].*\n.*\[1,1,1,5\]/,
    ],
    [
      'a bias of other heads',
      () => attention(query, key, value, { bias: zeros([3, 5, 6], 'f64') }),
      /^attention: the bias does not fit/,
    ],
    [
      'a bias beside a mask',
      () => attention(query, key, value, { bias: zeros([3, 5, 6], 'f64'), mask }),
      /^attention: the bias does not fit/,
    ],
    [
      'a window of 0',
      () => attention(query, key, value, { window: 0 }),
      /^attention: 0 is no window\n {2}expected: a whole number of at least 1/,
    ],
    [
      'a window of a half',
      () => attention(query, key, value, { window: 1.5 }),
      /^attention: 1.5 is no window/,
    ],
  ])('refuses %s', (_, call, text) => {
    expect(call).toThrow(text);
  });

  test('heads of no number take no shares', () => {
    expect(attention(zeros([1, 0, 2, 3]), zeros([1, 0, 2, 3]), zeros([1, 0, 2, 3])).shape).toEqual([
      1, 0, 2, 3,
    ]);
  });
});

describe('crossEntropy', () => {
  const logits = tensor(
    [
      [1, 2, 3],
      [0, 0, 0],
      [-1, 0, 1],
      [2, 1, 0],
    ],
    undefined,
    'f64',
  );
  const labels = tensor([2, 0, -100, 1], undefined, 'i32');
  const nats = [0.4076059644443804, Math.log(3), 0, 1.4076059644443804] as const;

  test('is the mean over labels that count', async () => {
    expect(await t.crossEntropy(logits, labels).item()).toBeCloseTo(
      (nats[0] + nats[1] + nats[3]) / 3,
      10,
    );
    expect(await nested(t.crossEntropy(logits, labels, { reduction: 'none' }))).toEqual(near(nats));
    expect(await t.crossEntropy(logits, labels, { reduction: 'sum' }).item()).toBeCloseTo(
      nats[0] + nats[1] + nats[3],
      10,
    );
  });

  test('weights the classes, in the mean too', async () => {
    const weight = tensor([1, 10, 100], undefined, 'f64');
    const expected = (100 * nats[0] + nats[1] + 10 * nats[3]) / 111;
    expect(await t.crossEntropy(logits, labels, { weight }).item()).toBeCloseTo(expected, 10);
  });

  test('spreads a part of each label, as the soft one does', async () => {
    const all = tensor([2, 0, 1, 1], undefined, 'i32');
    const hard = t.crossEntropy(logits, all, { labelSmoothing: 0.3 });
    const soft = t.softCrossEntropy(logits, t.oneHot(all, 3, 'f64'), { labelSmoothing: 0.3 });
    const byHand = t.softCrossEntropy(logits, t.add(mul(t.oneHot(all, 3, 'f64'), 0.7), 0.1));
    expect(await difference(hard, soft)).toBeLessThan(1e-12);
    expect(await difference(hard, byHand)).toBeLessThan(1e-12);
  });

  test('the soft one weights classes, and is a mean over rows', async () => {
    const targets = tensor(
      [
        [0, 0.5, 0.5],
        [1, 0, 0],
        [0, 0, 1],
        [0, 1, 0],
      ],
      undefined,
      'f64',
    );
    const weight = tensor([1, 10, 100], undefined, 'f64');
    const rows = [5 * 1.4076059644443804 + 50 * nats[0], nats[1], 100 * nats[0], 10 * nats[3]];
    const total = rows.reduce((a, b) => a + b);
    expect(
      await nested(t.softCrossEntropy(logits, targets, { weight, reduction: 'none' })),
    ).toEqual(near(rows));
    expect(
      await t.softCrossEntropy(logits, targets, { weight, reduction: 'sum' }).item(),
    ).toBeCloseTo(total, 8);
    expect(await t.softCrossEntropy(logits, targets, { weight }).item()).toBeCloseTo(total / 4, 8);
  });

  test('a target of 0 has a derivative', async () => {
    const two = tensor([[1, 2]], undefined, 'f64');
    const slope = grad((p: Tensor) => t.softCrossEntropy(two, p))(
      tensor([[0, 1]], undefined, 'f64'),
    );
    expect(await nested(slope)).toEqual(near([[1.3132616875182228, 0.31326168751822286]]));
  });

  test('a class of probability 0 counts only where it is asked for', async () => {
    const certain = tensor([[0, Number.NEGATIVE_INFINITY]], undefined, 'f64');
    expect(await t.crossEntropy(certain, tensor([0], undefined, 'i32')).item()).toBe(0);
    expect(
      await t.softCrossEntropy(certain, tensor([[1, 0]], undefined, 'f64')).item(),
    ).toBeCloseTo(0, 12);
    expect(await t.crossEntropy(certain, tensor([1], undefined, 'i32')).item()).toBe(
      Number.POSITIVE_INFINITY,
    );
  });

  test('of no label that counts it is 0', async () => {
    const none = tensor([-100, -100, -100, -100], undefined, 'i32');
    expect(await t.crossEntropy(logits, none).item()).toBe(0);
    expect(await nested(grad((x: Tensor) => t.crossEntropy(x, none))(logits))).toEqual(
      near([
        [0, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
      ]),
    );
  });

  test('refuses weights of another number of classes', () => {
    expect(() => t.crossEntropy(logits, labels, { weight: zeros([2]) })).toThrow(
      /crossEntropy: the weights do not fit/,
    );
    expect(() => t.softCrossEntropy(logits, logits, { weight: zeros([2]) })).toThrow(
      /softCrossEntropy: the weights do not fit/,
    );
  });
});

test.each([
  ['one axis', [1, 2, 4], [2, 3, 3], { stride: 2, padding: 1 }],
  ['groups and dilation', [2, 4, 3], [4, 1, 2], { groups: 2, dilation: 2 }],
  [
    'two axes, a larger result',
    [1, 2, 3, 2],
    [2, 2, 2, 3],
    { stride: [3, 2], outputPadding: [2, 1] },
  ],
] as const)('convTranspose is the derivative of conv: %s', async (_, input, kernel, options) => {
  const [x, weight] = [normal([...input], 1), normal([...kernel], 2)];
  const result = t.convTranspose(x, weight, options);
  const { outputPadding: _unused, ...rest } = { outputPadding: 0, ...options };
  const back = grad((y: Tensor) => sum(mul(t.conv(y, weight, rest), x)));
  expect(await difference(result, back(zeros(result.shape, 'f64')))).toBeLessThan(1e-12);
});

describe('pooling', () => {
  const x = tensor([[[1, 5, 2, 4, 3]]]);

  test('takes the largest or the mean of a window', async () => {
    expect(await nested(t.maxPool(x, 2))).toEqual([[[5, 4]]]);
    expect(await nested(t.maxPool(x, 3, { stride: 1, padding: 1 }))).toEqual([[[5, 5, 5, 4, 4]]]);
    expect(await nested(t.avgPool(x, 2))).toEqual([[[3, 3]]]);
    expect(await nested(t.avgPool(x, 2, { padding: 1 }))).toEqual([[[0.5, 3.5, 3.5]]]);
    expect(await nested(t.avgPool(x, 2, { padding: 1, countIncludePad: false }))).toEqual([
      [[1, 3.5, 3.5]],
    ]);
    expect(await nested(t.adaptiveAvgPool(x, 2))).toEqual(near([[[8 / 3, 3]]]));
    expect(await nested(t.adaptiveAvgPool(x, [7]))).toEqual(near([[[1, 3, 3.5, 2, 3, 3.5, 3]]]));
  });

  test('of padding alone the largest is never 0', async () => {
    expect(await nested(t.maxPool(t.neg(x), 2, { padding: 1 }))).toEqual([[[-1, -2, -3]]]);
  });

  test.each([
    ['a padding of more than half the window', () => t.maxPool(x, 2, { padding: 2 })],
    ['a stride of 0', () => t.maxPool(x, 2, { stride: 0 })],
    ['windows of another rank', () => t.maxPool(x, [2, 2])],
    ['no spatial axis', () => t.maxPool(zeros([2, 3]), 1)],
    ['one stride that is none', () => t.maxPool(zeros([1, 1, 4, 4]), 2, { stride: [1, 0] })],
    ['one padding of more than half', () => t.maxPool(zeros([1, 1, 4, 4]), 2, { padding: [2, 0] })],
    ['one side shorter than the window', () => t.maxPool(zeros([1, 1, 4, 1]), 2)],
  ])('refuses %s', (_, call) => {
    expect(call).toThrow(/^maxPool: a window/);
  });
});

describe('interpolate', () => {
  const x = tensor([[[0, 10, 20]]]);
  test.each<[string, t.InterpolateOptions, number[]]>([
    ['nearest, larger', { scale: 2 }, [0, 0, 10, 10, 20, 20]],
    ['nearest, smaller', { size: [2] }, [0, 10]],
    ['linear', { size: [6], mode: 'linear' }, [0, 2.5, 7.5, 12.5, 17.5, 20]],
    ['linear, corners kept', { size: [5], mode: 'linear', alignCorners: true }, [0, 5, 10, 15, 20]],
    ['linear to one element', { size: [1], mode: 'linear', alignCorners: true }, [0]],
    ['linear by a scale', { scale: 0.7, mode: 'linear' }, [2.142857, 16.428572]],
  ])('%s', async (_, options, expected) => {
    expect(await nested(t.interpolate(x, options))).toEqual([[near(expected)]]);
  });

  test('the nearest element is found in f32, as PyTorch finds it', async () => {
    const two = tensor([[[5, 7]]]);
    const stretched = await t.interpolate(two, { size: [98] }).data();
    expect([stretched[48], stretched[49]]).toEqual([5, 7]);
  });

  test('needs either a size or a scale', () => {
    expect(() => t.interpolate(x, {})).toThrow(
      /interpolate: one of size and scale is needed[\s\S]*neither/,
    );
    expect(() => t.interpolate(x, { size: [2], scale: 2 })).toThrow(/both/);
    expect(() => t.interpolate(x, { size: [0] })).toThrow(
      /interpolate: \[1,1,3\] cannot become \[0\]/,
    );
  });
});

test.each([
  [
    'weights of another length',
    () => t.groupNorm(zeros([1, 4, 2]), zeros([3]), zeros([4]), { groups: 2, epsilon: 1 }),
  ],
  [
    'a bias of two axes',
    () => t.groupNorm(zeros([1, 4, 2]), zeros([4]), zeros([4, 1]), { groups: 2, epsilon: 1 }),
  ],
])('a norm of channels refuses %s', (_, call) => {
  expect(call).toThrow(
    /^groupNorm: \[.*\] does not fit the channels of \[1,4,2\]\n {2}expected: an input \[B, C, ...\] and one number/,
  );
});

test('a batch norm needs channels', () => {
  const [one, two] = [zeros([1]), zeros([2])];
  expect(() => t.batchNorm(two, one, one, one, one, { epsilon: 1 })).toThrow(/^batchNorm: /);
});

test('a convolution in groups is one product for each place of the kernel', () => {
  const program = t
    .compile((x: Tensor) => t.conv(x, zeros([64, 1, 3]), { groups: 64 }))
    .program(zeros([1, 64, 8]));
  expect(program.instructions.filter(({ op }) => op.name === 'dot')).toHaveLength(3);
});
