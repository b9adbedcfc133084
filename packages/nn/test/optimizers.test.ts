import {
  adam,
  adamw,
  addWeightDecay,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  linearSchedule,
  momentum,
  type Optimizer,
  scaleByAdam,
  scaleByLearningRate,
  sgd,
  stateless,
} from '@lorikeet/nn';
import { type DType, evaluate, mul, type Tensor, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, numbers, refusal } from './support.ts';

const start = [1, -2, 0.5];
/** The slope of a loss with a curvature for each parameter. */
const curvatures = [3, 0.5, -1];

/** The parameters after each of five steps. */
async function walk(optimizer: Optimizer, dtype: DType): Promise<number[][]> {
  let parameters: { w: readonly Tensor[] } = { w: start.map((value) => tensor(value, [], dtype)) };
  let state = optimizer.init(parameters);
  const trace: number[][] = [];
  for (let step = 0; step < 5; step++) {
    const gradients = { w: parameters.w.map((w, i) => mul(w, curvatures[i] ?? 0)) };
    const next = optimizer.update(gradients, state, parameters);
    [parameters, state] = await evaluate([applyUpdates(parameters, next.updates), next.state]);
    trace.push((await Promise.all(parameters.w.map(numbers))).flat());
  }
  return trace;
}

/** The same in plain numbers: `rule` gives a function for each parameter that tells its value after a step. */
function plain(rule: () => (w: number, g: number, step: number) => number): number[][] {
  const rules = start.map(rule);
  let values = start;
  return Array.from({ length: 5 }, (_, i) => {
    values = values.map((w, j) => rules[j]?.(w, w * (curvatures[j] ?? 0), i + 1) ?? NaN);
    return values;
  });
}

/** Adam as PyTorch writes it. */
function plainAdam({ rate = 0.1, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, l2 = 0, decay = 0 }) {
  return (): ((w: number, g: number, t: number) => number) => {
    let [m, v] = [0, 0];
    return (w, gradient, t) => {
      const g = gradient + l2 * w;
      m = beta1 * m + (1 - beta1) * g;
      v = beta2 * v + (1 - beta2) * g * g;
      const root = Math.sqrt(v / (1 - beta2 ** t)) + epsilon;
      return w - rate * decay * w - (rate * (m / (1 - beta1 ** t))) / root;
    };
  };
}

/** SGD as PyTorch writes it. */
function plainSgd({ rate = 0.1, decay = 0, nesterov = false, l2 = 0 }) {
  return (): ((w: number, g: number) => number) => {
    let velocity = 0;
    return (w, gradient) => {
      const g = gradient + l2 * w;
      velocity = decay * velocity + g;
      return w - rate * (nesterov ? g + decay * velocity : velocity);
    };
  };
}

const cases: readonly (readonly [name: string, optimizer: Optimizer, expected: number[][]])[] = [
  ['sgd', sgd({ learningRate: 0.1 }), plain(plainSgd({}))],
  ['sgd with L2', sgd({ learningRate: 0.1, weightDecay: 0.2 }), plain(plainSgd({ l2: 0.2 }))],
  ['sgd with momentum', sgd({ learningRate: 0.1, momentum: 0.8 }), plain(plainSgd({ decay: 0.8 }))],
  [
    'sgd with Nesterov momentum and L2',
    sgd({ learningRate: 0.1, momentum: 0.8, nesterov: true, weightDecay: 0.2 }),
    plain(plainSgd({ decay: 0.8, nesterov: true, l2: 0.2 })),
  ],
  [
    'a chain of momentum and a rate',
    chain(momentum(0.5), scaleByLearningRate(0.2)),
    plain(plainSgd({ rate: 0.2, decay: 0.5 })),
  ],
  ['adam', adam({ learningRate: 0.1 }), plain(plainAdam({}))],
  [
    'adam with L2 and moments of its own',
    adam({ learningRate: 0.05, weightDecay: 0.3, beta1: 0.5, beta2: 0.7, epsilon: 0.1 }),
    plain(plainAdam({ rate: 0.05, l2: 0.3, beta1: 0.5, beta2: 0.7, epsilon: 0.1 })),
  ],
  ['adamw with its own decay', adamw({ learningRate: 0.1 }), plain(plainAdam({ decay: 0.01 }))],
  [
    'adamw',
    adamw({ learningRate: 0.05, weightDecay: 0.4 }),
    plain(plainAdam({ rate: 0.05, decay: 0.4 })),
  ],
  [
    'a chain that is adamw',
    chain(scaleByAdam(), addWeightDecay(0.4), scaleByLearningRate(0.05)),
    plain(plainAdam({ rate: 0.05, decay: 0.4 })),
  ],
];

describe.each(cases)('%s', (_, optimizer, expected) => {
  test.each<[dtype: DType, tolerance: number]>([
    ['f64', 1e-12],
    ['f32', 1e-5],
  ])('follows its formula in %s', async (dtype, tolerance) => {
    const trace = await walk(optimizer, dtype);
    expect(trace).toHaveLength(expected.length);
    for (const [i, values] of trace.entries()) expectClose(values, expected[i] ?? [], tolerance);
  });
});

test('a schedule is asked for the rate of each step, from step 0', async () => {
  const trace = await walk(
    sgd({ learningRate: linearSchedule({ learningRate: 0.4, totalSteps: 4 }) }),
    'f64',
  );
  const expected = plain(() => (w, g, step) => w - 0.1 * Math.max(0, 5 - step) * g);
  for (const [i, values] of trace.entries()) expectClose(values, expected[i] ?? [], 1e-6);
  expect(trace[4]).toEqual(trace[3]);
});

test.each<[name: string, optimizer: Optimizer]>([
  ['clipping', clipByGlobalNorm(0.1)],
  ['adamw', adamw({ learningRate: 0.1 })],
  ['a schedule', sgd({ learningRate: linearSchedule({ learningRate: 1, totalSteps: 9 }) })],
])('%s keeps the dtype of parameters', (_, optimizer) => {
  for (const dtype of ['f16', 'bf16', 'f32', 'f64'] as const) {
    const parameters = { w: tensor([1, 2], [2], dtype) };
    const { updates } = optimizer.update(parameters, optimizer.init(parameters), parameters);
    expect(applyUpdates(parameters, updates).w.dtype).toBe(dtype);
  }
});

describe('chain', () => {
  const parameters = { w: tensor([1]) };

  test('passes the updates of each stage to the next, and the parameters to all', async () => {
    const plus = stateless((g, w) => g.add(w));
    const twice = stateless((g) => g.mul(2));
    const given = { w: tensor([10]) };
    const run = async (optimizer: Optimizer): Promise<number[]> =>
      numbers(optimizer.update(given, optimizer.init(parameters), parameters).updates.w);
    expect(await run(chain(plus, twice))).toEqual([22]);
    expect(await run(chain(twice, plus))).toEqual([21]);
    expect(await run(chain())).toEqual([10]);
  });

  test('refuses the state of another', () => {
    const state = sgd({ learningRate: 1, momentum: 0.5 }).init(parameters);
    expect(() => sgd({ learningRate: 1 }).update(parameters, state, parameters)).toThrow(
      refusal('tree-mismatch', 'expected: 2 stages\n  received: 3'),
    );
  });
});

test('applyUpdates adds the updates to the parameters, and refuses what lacks one', async () => {
  const parameters = { a: tensor([1]), b: [tensor([2])] };
  const { a, b } = applyUpdates(parameters, { a: tensor([10]), b: [tensor([20])] });
  expect([await numbers(a), ...(await Promise.all(b.map(numbers)))]).toEqual([[11], [22]]);
  expect(() => applyUpdates(parameters, { a: tensor([10]), b: [] })).toThrow(
    refusal('tree-mismatch', 'b.0'),
  );
});
