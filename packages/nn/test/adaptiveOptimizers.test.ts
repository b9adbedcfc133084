import {
  adafactor,
  adagrad,
  adam,
  adamw,
  applyUpdates,
  clipByRms,
  lion,
  type Optimizer,
  paths,
  relativeStep,
  rmsprop,
  scaleByFactoredRms,
} from '@lorikeet/nn';
import { type DType, evaluate, mapTensors, tensor, zeros } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, numbers } from './support.ts';

const start = {
  w: [
    [1, -2, 0.5],
    [3, 0.25, -1],
  ],
  b: [0.5, -4],
};
const gradients = [
  {
    w: [
      [3, -1, 0.5],
      [0.2, 2, -1],
    ],
    b: [0.1, -2],
  },
  {
    w: [
      [-1, 0.5, 2],
      [1, -0.3, 0.7],
    ],
    b: [3, 1],
  },
];
const treeOf = ({ w, b }: typeof start, dtype: DType) => ({
  w: tensor(w.flat(), [2, 3], dtype),
  b: tensor(b, [2], dtype),
});

/** The parameters after each of the two steps. */
async function walk(optimizer: Optimizer, dtype: DType): Promise<number[][]> {
  let parameters = treeOf(start, dtype);
  let state = optimizer.init(parameters);
  const trace: number[][] = [];
  for (const given of gradients) {
    const next = optimizer.update(treeOf(given, dtype), state, parameters);
    [parameters, state] = await evaluate([applyUpdates(parameters, next.updates), next.state]);
    trace.push([...(await numbers(parameters.w)), ...(await numbers(parameters.b))]);
  }
  return trace;
}

/** The same in plain numbers: `rule` gives a function for each parameter that tells its value after a step. */
function plain(rule: () => (w: number, g: number) => number): number[][] {
  let values = [...start.w.flat(), ...start.b];
  const rules = values.map(rule);
  return gradients.map(({ w, b }) => {
    const slopes = [...w.flat(), ...b];
    values = values.map((value, i) => rules[i]?.(value, slopes[i] ?? NaN) ?? NaN);
    return values;
  });
}

const plainLion =
  ({ rate = 0.1, beta1 = 0.9, beta2 = 0.99, decay = 0 }) =>
  () => {
    let m = 0;
    return (w: number, g: number): number => {
      const direction = Math.sign(beta1 * m + (1 - beta1) * g);
      m = beta2 * m + (1 - beta2) * g;
      return w - rate * (direction + decay * w);
    };
  };

const plainRmsprop =
  ({ alpha = 0.99, epsilon = 1e-8, centered = false, momentum = 0, l2 = 0 }) =>
  () => {
    let [square, mean, velocity] = [0, 0, 0];
    return (w: number, gradient: number): number => {
      const g = gradient + l2 * w;
      square = alpha * square + (1 - alpha) * g * g;
      mean = alpha * mean + (1 - alpha) * g;
      const spread = centered ? square - mean * mean : square;
      velocity = momentum * velocity + g / (Math.sqrt(spread) + epsilon);
      return w - 0.1 * velocity;
    };
  };

const plainAdagrad =
  ({ initial = 0, epsilon = 1e-10, l2 = 0 }) =>
  () => {
    let sum = initial;
    return (w: number, gradient: number): number => {
      const g = gradient + l2 * w;
      sum += g * g;
      return w - (0.1 * g) / (Math.sqrt(sum) + epsilon);
    };
  };

const plainAmsgrad =
  ({ decay = 0 }) =>
  () => {
    let [m, v, largest, t] = [0, 0, 0, 0];
    return (w: number, g: number): number => {
      t++;
      m = 0.9 * m + 0.1 * g;
      v = 0.5 * v + 0.5 * g * g;
      largest = Math.max(largest, v);
      const root = Math.sqrt(largest / (1 - 0.5 ** t)) + 1e-8;
      return w - 0.1 * (decay * w + m / (1 - 0.9 ** t) / root);
    };
  };

const rate = { learningRate: 0.1 };
const quick = { ...rate, beta2: 0.5, amsgrad: true };
const cases: readonly (readonly [name: string, optimizer: Optimizer, expected: number[][]])[] = [
  ['lion', lion(rate), plain(plainLion({}))],
  [
    'lion with its own means and decay',
    lion({ learningRate: 0.2, beta1: 0.3, beta2: 0.6, weightDecay: 0.5 }),
    plain(plainLion({ rate: 0.2, beta1: 0.3, beta2: 0.6, decay: 0.5 })),
  ],
  ['rmsprop', rmsprop(rate), plain(plainRmsprop({}))],
  [
    'rmsprop around the mean, with momentum and L2',
    rmsprop({ ...rate, decay: 0.6, epsilon: 0.1, centered: true, momentum: 0.7, weightDecay: 0.2 }),
    plain(plainRmsprop({ alpha: 0.6, epsilon: 0.1, centered: true, momentum: 0.7, l2: 0.2 })),
  ],
  ['adagrad', adagrad(rate), plain(plainAdagrad({}))],
  [
    'adagrad from another sum, with L2',
    adagrad({ ...rate, initialSum: 0.5, epsilon: 0.2, weightDecay: 0.3 }),
    plain(plainAdagrad({ initial: 0.5, epsilon: 0.2, l2: 0.3 })),
  ],
  ['adam by its largest mean square', adam(quick), plain(plainAmsgrad({}))],
  [
    'adamw by its largest mean square',
    adamw({ ...quick, weightDecay: 0.4 }),
    plain(plainAmsgrad({ decay: 0.4 })),
  ],
  // Written again in NumPy from `Adafactor` of transformers.
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
    adafactor({ ...rate, scaleParameter: false, clipThreshold: 0.5, decayRate: 0.5 }),
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

test.each<[name: string, optimizer: Optimizer]>([
  ['adam', adam(rate)],
  ['rmsprop', rmsprop(rate)],
  ['adagrad', adagrad(rate)],
  ['adafactor', adafactor()],
])('%s divides by squares that f16 cannot hold', async (_, optimizer) => {
  const parameters = { w: tensor([1, 1, 1], [3], 'f16') };
  const small = mapTensors(parameters, () => tensor([1e-6, 0, 3e4], [3], 'f16'));
  const { updates } = optimizer.update(small, optimizer.init(parameters), parameters);
  const values = await numbers(updates.w);
  expect(values.every(Number.isFinite)).toBe(true);
  expect(values[0]).toBeLessThan(0);
  expect(values[1]).toBe(-0);
});
