import {
  type Context,
  type LearningRate,
  Linear,
  linearSchedule,
  paths,
  scaleByLearningRate,
  sgd,
} from '@lorikeet/nn';
import {
  cast,
  concat,
  evaluate,
  meanSquaredError,
  mul,
  normal,
  randomKey,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { type Batch, type CheckpointStore, type FitOptions, fit } from '@lorikeet/train';
import { fromArray } from '@lorikeet/train/data';
import { describe, expect, test } from 'vitest';

class Model {
  readonly linear: Linear;

  constructor(linear: Linear) {
    this.linear = linear;
  }

  call(x: Tensor, context: Context): Tensor {
    return this.linear.call(x, context.child('linear'));
  }
}

interface Pair {
  readonly x: Tensor;
  readonly y: Tensor;
}

const untrained = await evaluate(
  new Model(Linear.init({ inFeatures: 3, outFeatures: 2 }, randomKey(1))),
);
const truth = tensor([1, -2, 0.5, 2, 0, -1], [3, 2]);

async function pair(rows: number, seed: number): Promise<Pair> {
  const x = normal(randomKey(seed), [rows, 3]);
  return await evaluate({ x, y: x.matmul(truth) });
}

/** Of different sizes, so that shares matter. */
const pairs = await Promise.all([4, 2, 3, 1, 5].map((rows, i) => pair(rows, i)));
const batches = pairs.map(({ x, y }) => {
  const [rows = 0] = x.shape;
  return { inputs: { x, y }, tokens: rows, weight: rows };
});

const options: FitOptions<Model, Pair, number> = {
  model: untrained,
  trainable: () => true,
  loss: (model, { x, y }, context) => meanSquaredError(cast(model.call(x, context), y.dtype), y),
  optimizer: sgd({ learningRate: 0.1 }),
  batches: () => fromArray<Batch<Pair>>(batches),
  epochs: 4,
};

async function weightsOf(model: unknown): Promise<number[]> {
  const all = await Promise.all(paths(model).map(async ([, leaf]) => [...(await leaf.data())]));
  return all.flat();
}

describe('accumulation', () => {
  test('of batches by their weights is the step of all their rows together', async () => {
    const joined = await evaluate({
      x: concat(
        pairs.map(({ x }) => x),
        0,
      ),
      y: concat(
        pairs.map(({ y }) => y),
        0,
      ),
    });
    const wanted = await fit({
      ...options,
      batches: () => fromArray([{ inputs: joined, tokens: 15 }]),
    });
    const found = await fit({ ...options, accumulate: 5 });
    expect(found.steps).toHaveLength(4);
    expect(found.steps[0]?.tokens).toBe(15);
    for (const [i, step] of found.steps.entries()) {
      expect(step.loss).toBeCloseTo(wanted.steps[i]?.loss ?? Number.NaN, 5);
      expect(step.gradientNorm).toBeCloseTo(wanted.steps[i]?.gradientNorm ?? Number.NaN, 5);
    }
    const [own, other] = [await weightsOf(found.model), await weightsOf(wanted.model)];
    own.forEach((weight, i) => {
      expect(weight).toBeCloseTo(other[i] ?? Number.NaN, 5);
    });
  });

  test('makes a step of what is left at the end of an epoch', async () => {
    const { steps } = await fit({ ...options, accumulate: 2, epochs: 2 });
    expect(steps.map(({ tokens }) => tokens)).toEqual([6, 4, 5, 6, 4, 5]);
    expect(steps.map(({ epoch }) => epoch)).toEqual([1, 1, 1, 2, 2, 2]);
  });
});

describe('half precision', () => {
  test.each(['f16', 'bf16'] as const)(
    'in %s learns what single precision does',
    async (precision) => {
      const seen = new Set<string>();
      const { steps, model } = await fit({
        ...options,
        precision,
        epochs: 40,
        loss: (own, { x, y }, context) => {
          seen.add((own.linear.weight as Tensor).dtype);
          return meanSquaredError(own.call(cast(x, precision), context), cast(y, precision));
        },
      });
      expect([...seen]).toEqual([precision]);
      expect(paths(model).map(([, leaf]) => leaf.dtype)).toEqual(['f32', 'f32']);
      expect(steps.at(-1)?.loss).toBeLessThan(0.01 * (steps[0]?.loss ?? 0));
    },
  );

  test('leaves out steps whose gradients overflow, and scales the loss less from then on', async () => {
    // A gradient of about 64 times the loss scale of 2^15 is more than f16 holds.
    const { steps, model } = await fit({
      ...options,
      precision: 'f16',
      optimizer: scaleByLearningRate(1e-6),
      epochs: 2,
      loss: (own, { x }, context) => mul(own.call(cast(x, 'f16'), context), 32).mean(),
    });
    const skipped = steps.map(({ measures }) => measures.skipped ?? Number.NaN);
    expect(skipped[0]).toBe(0);
    expect(skipped.at(-1)).toBeGreaterThan(0);
    expect(skipped.at(-1)).toBeLessThan(steps.length - 1);
    expect((await weightsOf(model)).every(Number.isFinite)).toBe(true);
  });
});

describe('reports', () => {
  test('hold the norm of the gradients, the rate, and what the backend holds', async () => {
    const learningRate: LearningRate = linearSchedule({ learningRate: 0.1, totalSteps: 20 });
    const { steps } = await fit({ ...options, optimizer: sgd({ learningRate }) });
    expect(steps.map(({ measures }) => measures.learningRate)).toEqual(
      steps.map((_, i) => expect.closeTo(0.1 * (1 - i / 20), 6)),
    );
    for (const { gradientNorm, liveBytes } of steps) {
      expect(gradientNorm).toBeGreaterThan(0);
      expect(liveBytes).toBeGreaterThanOrEqual(0);
    }
  });

  test('are told in order, and the end also after an error', async () => {
    const told: string[] = [];
    const callbacks = [
      {
        onStart: ({ step }: { step: number }) => void told.push(`start ${step}`),
        onStep: ({ step }: { step: number }) => void told.push(`step ${step}`),
        onEvaluation: ({ step }: { step: number }) => void told.push(`evaluation ${step}`),
        onEnd: () => void told.push('end'),
      },
    ];
    await fit({ ...options, epochs: 1, callbacks, evaluateEvery: 2, evaluate: async () => 0 });
    expect(told.filter((line) => !line.startsWith('step'))).toEqual([
      'start 0',
      'evaluation 2',
      'evaluation 4',
      'evaluation 5',
      'end',
    ]);
    expect(told.indexOf('step 2')).toBeLessThan(told.indexOf('evaluation 2'));
    told.length = 0;
    const failing = fit({
      ...options,
      callbacks,
      evaluate: async () => {
        throw new Error('no');
      },
    });
    await expect(failing).rejects.toThrow('no');
    expect(told.at(-1)).toBe('end');
  });
});

describe('a monitor', () => {
  const values = [3, 5, 4, 5, 5, 9];
  const evaluateBy = (): FitOptions<Model, Pair, number> => ({
    ...options,
    epochs: 6,
    evaluate: async (_, epoch) => values[epoch - 1] ?? 0,
  });

  test('keeps the best model as it was', async () => {
    const models: number[][] = [];
    const { best, evaluations } = await fit({
      ...evaluateBy(),
      monitor: { value: (metrics) => metrics },
      evaluate: async (model, epoch) => {
        models.push(await weightsOf(model));
        return values[epoch - 1] ?? 0;
      },
      epochs: 4,
    });
    expect(evaluations.map(({ metrics }) => metrics)).toEqual([3, 5, 4, 5]);
    expect([best?.step, best?.value]).toEqual([10, 5]);
    expect(await weightsOf(best?.model)).toEqual(models[1]);
  });

  test('ends a run that gets no better', async () => {
    const { evaluations, isStoppedEarly, best } = await fit({
      ...evaluateBy(),
      monitor: { value: (metrics) => metrics, patience: 3 },
    });
    expect(evaluations).toHaveLength(5);
    expect(isStoppedEarly).toBe(true);
    expect(best?.value).toBe(5);
  });

  test('may look for the smallest, and ask for more than a little', async () => {
    const { best, isStoppedEarly } = await fit({
      ...evaluateBy(),
      monitor: { value: (metrics) => metrics, best: 'smallest', patience: 9 },
    });
    expect([best?.step, best?.value, isStoppedEarly]).toEqual([5, 3, false]);
    const picky = await fit({
      ...evaluateBy(),
      monitor: { value: (metrics) => metrics, minDelta: 5 },
    });
    expect(picky.best?.value).toBe(9);
  });

  test('refuses what cannot be compared', async () => {
    const monitor = { value: () => Number.NaN };
    await expect(fit({ ...evaluateBy(), monitor })).rejects.toMatchObject({ code: 'not-finite' });
    await expect(fit({ ...options, monitor })).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});

test('an average lags behind what trains, and is what is evaluated and given', async () => {
  const evaluated: number[][] = [];
  const plain = await fit({ ...options, epochs: 1 });
  const { model } = await fit({
    ...options,
    epochs: 1,
    ema: { decay: 0.5 },
    evaluate: async (own) => evaluated.push(await weightsOf(own)),
  });
  expect(await weightsOf(model)).toEqual(evaluated[0]);
  expect(await weightsOf(model)).not.toEqual(await weightsOf(plain.model));
});

test('a run has no more steps than it may', async () => {
  const { steps, evaluations } = await fit({ ...options, maxSteps: 7, evaluate: async () => 1 });
  expect(steps).toHaveLength(7);
  expect(evaluations.map(({ step }) => step)).toEqual([5, 7]);
});

describe('checkpoints', () => {
  /** Keeps the last in memory. */
  function memory(): CheckpointStore & { count: number } {
    let last: Awaited<ReturnType<CheckpointStore['latest']>>;
    return {
      count: 0,
      latest: async () => last,
      async save(checkpoint) {
        this.count += 1;
        last = checkpoint;
      },
    };
  }

  test('let a run go on that had ended, with more epochs, to the same bits', async () => {
    const whole = await fit({ ...options, epochs: 6 });
    const checkpoints = memory();
    await fit({ ...options, epochs: 2, checkpoints });
    expect(checkpoints.count).toBe(2);
    const told: number[] = [];
    const rest = await fit({
      ...options,
      epochs: 6,
      checkpoints,
      callbacks: [{ onStep: ({ step }) => void told.push(step) }],
    });
    expect(told[0]).toBe(11);
    expect(rest.steps.map(({ loss }) => loss)).toEqual(whole.steps.map(({ loss }) => loss));
    expect(await weightsOf(rest.model)).toEqual(await weightsOf(whole.model));
  });

  test.each<[string, Partial<FitOptions<Model, Pair, number>>, string]>([
    ['seed', { seed: 1 }, 'seed'],
    ['accumulation', { accumulate: 2 }, 'accumulate'],
    ['precision', { precision: 'bf16' }, 'precision'],
    ['optimiser', { optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }) }, 'state.optimizer'],
    [
      'model',
      { model: new Model(Linear.init({ inFeatures: 3, outFeatures: 4 }, randomKey(1))) },
      'linear',
    ],
  ])('of a run with another %s are refused', async (_, other, path) => {
    const checkpoints = memory();
    await fit({ ...options, epochs: 1, checkpoints });
    await expect(fit({ ...options, ...other, checkpoints })).rejects.toMatchObject({
      code: 'tree-mismatch',
      path: expect.stringContaining(path),
    });
  });
});

test.each(['accumulate', 'evaluateEvery', 'checkpointEvery', 'keepEvery'])(
  '%s is a whole number above 0',
  async (name) => {
    for (const value of [0, -1, 1.5])
      await expect(fit({ ...options, [name]: value })).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining(name),
      });
  },
);
