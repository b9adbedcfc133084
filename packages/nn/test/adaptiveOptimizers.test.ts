import { adafactor, adagrad, adam, adamw, lion, type Optimizer, rmsprop } from '@lorikeet/nn';
import { type DType, mapTensors, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { plain, walk } from './optimizerWalk.ts';
import { expectClose, numbers } from './support.ts';

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

const plainFirstAdam = () => () => {
  let [m, v, t] = [0, 0, 0];
  return (w: number, g: number): number => {
    t++;
    m = 0.9 * m + 0.1 * g;
    v = 0.5 * v + 0.5 * g * g;
    const step = (0.1 * Math.sqrt(1 - 0.5 ** t)) / (1 - 0.9 ** t);
    return w - (step * m) / (Math.sqrt(v) + 0.2);
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
    'adam with an epsilon for the mean square as it is',
    adam({ ...rate, beta2: 0.5, epsilon: 0.2, uncorrectedEpsilon: true }),
    plain(plainFirstAdam()),
  ],
  [
    'adamw by its largest mean square',
    adamw({ ...quick, weightDecay: 0.4 }),
    plain(plainAmsgrad({ decay: 0.4 })),
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
