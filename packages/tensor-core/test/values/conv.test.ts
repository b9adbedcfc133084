import { conv, grad, mul, sum, tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { nested } from '../nested.ts';

interface Case {
  readonly x: readonly number[];
  readonly weight: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** Whole numbers, so that every order of summation gives the same. */
function fill(shape: readonly number[], seed: number): number[] {
  const size = shape.reduce((a, b) => a * b, 1);
  return Array.from({ length: size }, (_, i) => ((i * 7 + seed) % 11) - 5);
}

/** Convolution of images, as its definition says. A convolution of rows is one of images of height 1. */
function naive({ x, weight, stride, padding, dilation, groups }: Case): number[] {
  const [batch = 0, channels = 0, height = 0, width = 0] = x;
  const [outputs = 0, share = 0, kernelHeight = 0, kernelWidth = 0] = weight;
  const [data, kernel] = [fill(x, 1), fill(weight, 2)];
  const side = (length: number, k: number, axis: number): number =>
    Math.floor(
      (length + 2 * (padding[axis] ?? 0) - (dilation[axis] ?? 1) * (k - 1) - 1) /
        (stride[axis] ?? 1),
    ) + 1;
  const at = (b: number, c: number, i: number, j: number): number =>
    i < 0 || j < 0 || i >= height || j >= width
      ? 0
      : (data[((b * channels + c) * height + i) * width + j] ?? Number.NaN);
  const result: number[] = [];
  for (let b = 0; b < batch; b++)
    for (let o = 0; o < outputs; o++)
      for (let i = 0; i < side(height, kernelHeight, 0); i++)
        for (let j = 0; j < side(width, kernelWidth, 1); j++) {
          let total = 0;
          const first = Math.floor(o / (outputs / groups)) * share;
          for (let c = 0; c < share; c++)
            for (let p = 0; p < kernelHeight; p++)
              for (let q = 0; q < kernelWidth; q++)
                total +=
                  (kernel[((o * share + c) * kernelHeight + p) * kernelWidth + q] ?? Number.NaN) *
                  at(
                    b,
                    first + c,
                    i * (stride[0] ?? 1) + p * (dilation[0] ?? 1) - (padding[0] ?? 0),
                    j * (stride[1] ?? 1) + q * (dilation[1] ?? 1) - (padding[1] ?? 0),
                  );
          result.push(total);
        }
  return result;
}

const plain = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 };
const cases: readonly [name: string, options: Case][] = [
  ['plain', { ...plain, x: [2, 3, 5, 6], weight: [4, 3, 3, 2] }],
  ['stride', { ...plain, x: [1, 2, 7, 6], weight: [3, 2, 3, 3], stride: [2, 3] }],
  ['padding', { ...plain, x: [1, 2, 4, 4], weight: [2, 2, 3, 3], padding: [1, 2] }],
  ['dilation', { ...plain, x: [1, 1, 7, 8], weight: [2, 1, 3, 2], dilation: [2, 3] }],
  ['groups', { ...plain, x: [2, 4, 3, 3], weight: [6, 2, 2, 2], groups: 2 }],
  ['depthwise', { ...plain, x: [1, 3, 4, 4], weight: [3, 1, 3, 3], groups: 3, padding: [1, 1] }],
  [
    'all together',
    {
      x: [2, 4, 9, 8],
      weight: [4, 2, 3, 2],
      stride: [2, 2],
      padding: [2, 1],
      dilation: [2, 3],
      groups: 2,
    },
  ],
];

test.each(cases)('conv of images with %s equals the definition', async (_, options) => {
  const { x, weight, ...rest } = options;
  const result = conv(tensor(fill(x, 1), x), tensor(fill(weight, 2), weight), rest);
  expect([...(await result.data())]).toEqual(naive(options));
});

test.each(cases)('conv of rows with %s equals the definition', async (_, options) => {
  const flat = (shape: readonly number[]): number[] => [
    shape[0] ?? 0,
    shape[1] ?? 0,
    shape[3] ?? 0,
  ];
  const high = (shape: readonly number[]): number[] => [
    shape[0] ?? 0,
    shape[1] ?? 0,
    1,
    shape[3] ?? 0,
  ];
  const along = (list: readonly number[]): number => list[1] ?? 0;
  const [x, weight] = [flat(options.x), flat(options.weight)];
  const result = conv(tensor(fill(x, 1), x), tensor(fill(weight, 2), weight), {
    stride: along(options.stride),
    padding: along(options.padding),
    dilation: along(options.dilation),
    groups: options.groups,
  });
  const expected = naive({
    ...options,
    x: high(options.x),
    weight: high(options.weight),
    padding: [0, along(options.padding)],
  });
  expect([...(await result.data())]).toEqual(expected);
});

test('the gradient by the kernel is the sum of what each of its places saw', async () => {
  const x = tensor([[[1, 2, 3, 4]]]);
  const slope = grad((weight: typeof x) => sum(mul(conv(x, weight), tensor([[[1, 10, 100]]]))));
  expect(await nested(slope(tensor([[[0, 0]]])))).toEqual([[[321, 432]]]);
});
