import {
  adafactor,
  clipByRms,
  type Optimizer,
  paths,
  relativeStep,
  scaleByFactoredRms,
} from '@lorikeet/nn';
import { type DType, tensor, zeros } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { walk } from './optimizerWalk.ts';
import { expectClose, numbers } from './support.ts';

// Written again in NumPy from `Adafactor` of transformers.
const cases: readonly (readonly [name: string, optimizer: Optimizer, expected: number[][]])[] = [
  [
    'adafactor',
    adafactor(),
    [
      [
        0.981910145675, -1.991892013294, 0.491892013294, 2.998280150379, 0.226874576859,
        -0.976874576859, 0.471495614373, -3.971495614373,
      ],
      [
        0.990367902693, -1.998093378413, 0.470454259461, 2.985131346212, 0.232659127208,
        -0.98853940587, 0.435759060701, -3.989451317772,
      ],
    ],
  ],
  [
    'adafactor with a rate of its own',
    adafactor({ learningRate: 0.1, scaleParameter: false, clipThreshold: 0.5, decayRate: 0.5 }),
    [
      [
        0.943381592708, -1.974623273059, 0.474623273059, 2.994617140384, 0.177621051964,
        -0.927621051964, 0.45, -3.95,
      ],
      [
        0.98067773778, -2.003407528422, 0.394732311576, 2.934605699759, 0.205410271921,
        -0.972613103791, 0.389731870297, -3.986983138618,
      ],
    ],
  ],
  [
    'adafactor with a mean of updates and weight decay',
    adafactor({ beta1: 0.9, weightDecay: 0.3 }),
    [
      [
        0.993398442189, -1.989604056573, 0.49679291514, 2.985450297903, 0.246489314591,
        -0.992894885308, 0.492873903593, -3.962944298684,
      ],
      [
        0.987879776175, -1.980009000097, 0.491552277841, 2.969748737048, 0.243811049731,
        -0.987245940877, 0.482564781062, -3.928599967183,
      ],
    ],
  ],
];

describe.each(cases)('%s', (_, optimizer, expected) => {
  test.each<[dtype: DType, tolerance: number]>([
    ['f64', 1e-8],
    ['f32', 1e-5],
  ])('follows its formula in %s', async (dtype, tolerance) => {
    const trace = await walk(optimizer, dtype);
    for (const [i, values] of trace.entries()) expectClose(values, expected[i] ?? [], tolerance);
  });
});

describe('adafactor', () => {
  test('keeps rows and columns of matrices, and of stacks of them', () => {
    const parameters = { stack: zeros([2, 3, 4]), bias: zeros([5]), scalar: zeros([]), none: null };
    const { moments } = scaleByFactoredRms().init(parameters);
    expect(paths(moments).map(([path, { shape }]) => [path, shape])).toEqual([
      ['stack.row', [2, 3]],
      ['stack.column', [2, 4]],
      ['bias.square', [5]],
      ['scalar.square', []],
    ]);
  });

  test('takes a stack of matrices one by one', async () => {
    const both = tensor([3, -1, 0.2, 2, 5, 1, -2, 0.5], [2, 2, 2]);
    const optimizer = scaleByFactoredRms();
    const run = async (g: typeof both): Promise<number[]> =>
      numbers(optimizer.update(g, optimizer.init(g), g).updates);
    const one = await run(tensor([3, -1, 0.2, 2], [2, 2]));
    expectClose((await run(both)).slice(0, 4), one);
  });

  test('has a rate that falls by the root of the step, and may warm up', async () => {
    const at = async (step: number, warmup: boolean): Promise<number> =>
      relativeStep({ warmup })(tensor(step, [], 'f64')).item();
    expectClose([await at(0, false), await at(39_999, false)], [0.01, 0.005], 1e-9);
    expectClose([await at(0, true), await at(9, true)], [1e-6, 1e-5], 1e-12);
    expectClose([await at(3_999_999, true)], [0.0005], 1e-9);
  });

  test('takes parameters of no element', async () => {
    const parameters = { w: zeros([0, 2]), b: zeros([0]) };
    const optimizer = adafactor();
    const { updates } = optimizer.update(parameters, optimizer.init(parameters), parameters);
    expect(await numbers(updates.w)).toEqual([]);
  });
});

test('clipByRms bounds the root mean square of each tensor by itself', async () => {
  const given = { long: tensor([3, -4, 0, 0]), short: tensor([0.1, 0.2]) };
  const { updates } = clipByRms(0.5).update(given, null, given);
  expectClose(await numbers(updates.long), [0.6, -0.8, 0, 0]);
  expectClose(await numbers(updates.short), [0.1, 0.2]);
});
