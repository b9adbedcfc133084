import { type Context, Dropout, Linear, paths, sgd } from '@lorikeet/nn';
import {
  crossEntropy,
  evaluate,
  normal,
  randomKey,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import {
  type Batch,
  classificationMetrics,
  evaluateClassifier,
  fit,
  permutation,
  tokenBatches,
} from '@lorikeet/train';
import { htmlReport } from '@lorikeet/train/report';
import { describe, expect, test } from 'vitest';

interface Points {
  readonly x: Tensor;
  readonly labels: Tensor;
}

/** Points on a line, to be told apart by their sign. */
async function* points(): AsyncGenerator<Batch<Points>> {
  for (const sign of [1, -1]) {
    const x = tensor(
      [1, 2, -1, -3].map((value) => value * sign),
      [4, 1],
    );
    yield {
      tokens: 4,
      inputs: {
        x,
        labels: tensor(
          [1, 1, 0, 0].map((label) => (sign === 1 ? label : 1 - label)),
          [4],
          'i32',
        ),
      },
    };
  }
}

class Classifier {
  readonly dropout = new Dropout(0.1);
  readonly linear: Linear;

  constructor(linear: Linear) {
    this.linear = linear;
  }

  call({ x, labels }: Points, context: Context): Tensor {
    const dropped = this.dropout.call(x, context.child('dropout'));
    return crossEntropy(this.linear.call(dropped, context.child('linear')), labels);
  }
}

const untrained = await evaluate(
  new Classifier(Linear.init({ inFeatures: 1, outFeatures: 2 }, randomKey(3))),
);
const options = {
  model: untrained,
  trainable: () => true,
  loss: (model: Classifier, inputs: Points, context: Context) => model.call(inputs, context),
  optimizer: sgd({ learningRate: 0.5 }),
  batches: points,
  epochs: 20,
};

describe('fit', () => {
  test('makes the loss smaller, reports every step, and leaves the given model as it is', async () => {
    const before = await parametersOf(untrained);
    const { model, steps, evaluations } = await fit({
      ...options,
      evaluate: async (_, epoch) => epoch,
    });
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    expect(steps.at(-1)?.epoch).toBe(20);
    expect(evaluations.map(({ metrics }) => metrics)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
    expect(steps.at(-1)?.loss).toBeLessThan(0.5 * (steps[0]?.loss ?? 0));
    expect(await parametersOf(untrained)).toEqual(before);
    expect(await parametersOf(model)).not.toEqual(before);
  });

  test('gives the same bits for the same seed, and others for another', async () => {
    const losses = async (seed: number): Promise<number[]> =>
      (await fit({ ...options, seed, epochs: 2 })).steps.map(({ loss }) => loss);
    expect(await losses(1)).toEqual(await losses(1));
    expect(await losses(1)).not.toEqual(await losses(2));
  });

  test('stops at a loss that is not finite', async () => {
    const bad = async function* (): AsyncGenerator<Batch<Points>> {
      yield {
        tokens: 1,
        inputs: { x: tensor([Number.NaN], [1, 1]), labels: tensor([0], [1], 'i32') },
      };
    };
    await expect(fit({ ...options, batches: bad })).rejects.toMatchObject({
      code: 'not-finite',
      message: expect.stringContaining('step 1 (epoch 1)'),
    });
  });

  test('refuses to train on nothing', async () => {
    await expect(fit({ ...options, batches: async function* () {} })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    await expect(fit({ ...options, trainable: () => false })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });
});

describe('tokenBatches', () => {
  const examples = [[5], [6, 7, 8], [9, 10, 11, 12, 13], [14]].map((ids, i) => ({
    ids,
    label: i % 2,
  }));
  const collect = async (
    more: object,
  ): Promise<{ ids: number[]; shape: readonly number[]; mask: number[]; tokens: number }[]> => {
    const found = [];
    for await (const { inputs, tokens } of tokenBatches(examples, {
      batchSize: 3,
      maxLength: 4,
      bucket: 2,
      padId: 0,
      ...more,
    })) {
      found.push({
        ids: [...(await inputs.input_ids.data())],
        shape: inputs.input_ids.shape,
        mask: [...(await inputs.attention_mask.data())],
        tokens,
      });
    }
    return found;
  };

  test('cuts long texts, pads short ones to a multiple of the bucket, and keeps the last small batch', async () => {
    expect(await collect({})).toEqual([
      {
        ids: [5, 0, 0, 0, 6, 7, 8, 0, 9, 10, 11, 12],
        shape: [3, 4],
        mask: [1, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1],
        tokens: 8,
      },
      { ids: [14, 0], shape: [1, 2], mask: [1, 0], tokens: 1 },
    ]);
  });

  test('shuffles by seed and epoch', async () => {
    const order = async (seed: number, epoch: number): Promise<string> =>
      JSON.stringify(await collect({ shuffle: { seed, epoch } }));
    expect(await order(1, 1)).toBe(await order(1, 1));
    const orders = await Promise.all([1, 2, 3, 4].map((epoch) => order(1, epoch)));
    expect(new Set(orders).size).toBeGreaterThan(1);
  });

  test.each([
    ['an empty text', { ids: [], label: 0 }],
    ['a label that is no class', { ids: [1], label: -1 }],
  ])('refuses %s', async (_, example) => {
    const batches = tokenBatches([example], { batchSize: 1, maxLength: 4, padId: 0 });
    await expect(batches[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });
});

describe('metrics', () => {
  test('agree with a count by hand', () => {
    const { accuracy, f1, precision, recall, confusion } = classificationMetrics(
      [1, 1, 1, 0, 0],
      [1, 0, 1, 1, 0],
      2,
    );
    expect(confusion).toEqual([
      [1, 1],
      [1, 2],
    ]);
    expect([accuracy, precision, recall]).toEqual([3 / 5, 2 / 3, 2 / 3]);
    expect(f1).toBeCloseTo(2 / 3, 12);
  });

  test('are 0 where there is nothing to divide by', () => {
    expect(classificationMetrics([0, 0], [0, 0], 2)).toMatchObject({
      accuracy: 1,
      f1: 0,
      precision: 0,
      recall: 0,
    });
  });

  test('refuse what does not fit', () => {
    expect(() => classificationMetrics([], [], 2)).toThrow('at least one');
    expect(() => classificationMetrics([0], [2], 2)).toThrow('class 0 or 2');
  });

  test('of a classifier are those of its argmax', async () => {
    const { accuracy } = await evaluateClassifier(
      ({ x }: Points) => x.matmul(tensor([[-1, 1]])),
      points(),
      2,
    );
    expect(accuracy).toBe(1);
  });
});

test('a permutation holds every number once, and depends on the key', async () => {
  const order = await permutation(randomKey(1), 100);
  expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  expect(order).not.toEqual(await permutation(randomKey(2), 100));
  expect(normal(randomKey(1), [1]).dtype).toBe('f32');
});

test('a report is a page with curves, and text that cannot become markup', () => {
  const steps = [1, 2, 3].map((step) => ({
    step,
    epoch: 1,
    loss: 1 / step,
    gradientNorm: 1 / step,
    tokens: 1,
    seconds: 1,
    liveBytes: 2 ** 20,
    measures: { learningRate: 0.1 },
  }));
  const html = htmlReport({
    title: 'A <b>',
    summary: 'x & y',
    steps,
    tables: [{ title: 't', rows: [['<script>', 1]] }],
  });
  expect(html.match(/<svg/g)).toHaveLength(4);
  expect(html).toContain('<h1>A &lt;b&gt;</h1>');
  expect(html).not.toContain('<script>');
});

async function parametersOf(model: unknown): Promise<number[][]> {
  return await Promise.all(paths(model).map(async ([, leaf]) => [...(await leaf.data())]));
}
