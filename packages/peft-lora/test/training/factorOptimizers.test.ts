import { combine, type Optimizer, type Part, partition, sgd } from '@lorikeet/nn';
import {
  AdaptedWeight,
  adapt,
  isTrainable,
  lora,
  loraFa,
  loraPlus,
  merge,
  riemannian,
  train,
} from '@lorikeet/peft-lora';
import { inv, mapTensors, ones, type Tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, ids, numbers, Small, trainedForm } from '../support.ts';

const model = new Small();
const tuned = await trainedForm(
  adapt(model, {
    'encoder.layer.0.{query,value}': lora({ rank: 2, alpha: 6 }),
    line: lora({ rank: 2, loraBias: true }),
    words: lora({ rank: 2 }),
    classifier: train(),
  }),
);
const [live] = partition(tuned, isTrainable);

/** What an optimiser adds in its first step. */
function firstUpdates(
  optimizer: Optimizer<never> | Optimizer,
  gradients: Part<Small> = live,
): Small {
  const one = optimizer as Optimizer;
  return one.update(gradients, one.init(live), live).updates as unknown as Small;
}

function partsOf(weight: unknown): { A: Tensor; B: Tensor } {
  const { A, B } = weight instanceof AdaptedWeight ? weight.parameters : {};
  if (A === undefined || B === undefined) throw new Error('there is no adapter');
  return { A, B };
}

const alike = mapTensors(live, ({ shape }) => ones(shape));
const plain = ({ learningRate }: { learningRate: unknown }): Optimizer =>
  sgd({ learningRate: learningRate as number });

describe('loraPlus', () => {
  const options = { learningRate: 2, ratio: 8, embeddingLearningRate: 3, optimizer: plain };
  const updates = firstUpdates(loraPlus(options), alike);

  test('steps further with outer factors and vectors, and apart with embeddings', async () => {
    const { A, B } = partsOf(updates.encoder.layer[0]?.query.weight);
    expect(new Set(await numbers(A))).toEqual(new Set([-2]));
    expect(new Set(await numbers(B))).toEqual(new Set([-16]));
    const table = partsOf(updates.words.weight);
    expect(new Set([...(await numbers(table.A)), ...(await numbers(table.B))])).toEqual(
      new Set([-3]),
    );
    const { weight, bias } = updates.classifier as unknown as Record<string, { value: Tensor }>;
    expect(new Set(await numbers((weight as { value: Tensor }).value))).toEqual(new Set([-2]));
    expect(new Set(await numbers((bias as { value: Tensor }).value))).toEqual(new Set([-16]));
  });

  test('spares biases of weight decay, and nothing else', async () => {
    const decays: [number, number][] = [];
    loraPlus({
      ...options,
      weightDecay: 0.1,
      optimizer: ({ learningRate, weightDecay }) => {
        decays.push([learningRate as number, weightDecay]);
        return plain({ learningRate });
      },
    });
    expect(decays).toEqual([
      [3, 0.1],
      [16, 0],
      [16, 0.1],
      [2, 0.1],
    ]);
  });

  test('multiplies a schedule by the ratio', async () => {
    const scheduled = loraPlus({ ...options, learningRate: (step) => step.mul(0).add(2) });
    const { B } = partsOf(firstUpdates(scheduled, alike).encoder.layer[0]?.query.weight);
    expect(new Set(await numbers(B))).toEqual(new Set([-16]));
  });
});

describe('riemannian', () => {
  const damping = 0.1;
  const updates = firstUpdates(riemannian(sgd({ learningRate: 1 }), { damping }));
  const ridge = (gram: Tensor): Tensor => inv(gram.add(inv(gram).matmul(gram).mul(damping)));

  test('multiplies gradients by the inverse of the other factor', async () => {
    const { A, B } = partsOf(tuned.encoder.layer[0]?.query.weight);
    const got = partsOf(updates.encoder.layer[0]?.query.weight);
    // The gradients here are the parameters themselves.
    await expectClose(got.B, B.matmul(ridge(A.matmul(A.permute([1, 0])))).mul(-1), 1e-4);
    await expectClose(
      got.A,
      ridge(B.permute([1, 0]).matmul(B))
        .matmul(A)
        .mul(-1),
      1e-4,
    );
  });

  test('does so with kernels too, and leaves embeddings and whole modules alone', async () => {
    const { A, B } = partsOf(tuned.line.weight);
    const flat = A.reshape([2, -1]);
    const got = partsOf(updates.line.weight);
    const expected = B.reshape([6, 2]).matmul(ridge(flat.matmul(flat.permute([1, 0]))));
    await expectClose(got.B.reshape([6, 2]), expected.mul(-1), 1e-4);
    await expectClose(partsOf(updates.words.weight).A, partsOf(tuned.words.weight).A.mul(-1), 0);
  });

  test('steps alike, whichever factor the size of an update is in', async () => {
    const scaled = (by: number): Small => {
      const change = (leaf: Tensor, path: readonly (string | number)[]): Tensor =>
        path.at(-2) !== 'parameters' ? leaf : leaf.mul(path.at(-1) === 'A' ? by : 1 / by);
      return mapTensors(tuned, change);
    };
    const [one, other] = [1, 10].map((by) => {
      const [start, frozen] = partition(scaled(by), isTrainable);
      // The chain rule scales gradients the other way round.
      const slopes = mapTensors(start, (leaf, path) =>
        path.at(-1) === 'A' ? leaf.mul(by ** -2) : leaf.mul(by ** 2),
      );
      const optimizer = riemannian(sgd({ learningRate: 1e-3 }), { damping: 1e-9 });
      const { updates: steps } = optimizer.update(slopes, optimizer.init(start), start);
      const [before, after] = [steps, start];
      const moved = mapTensors(after as unknown as Small, (leaf) => leaf);
      const whole = combine(moved as unknown as Part<Small>, frozen);
      return { steps: before as unknown as Small, whole };
    });
    const change = (run: typeof one): Tensor => {
      if (run === undefined) throw new Error('there is no run');
      const [now, step] = [run.whole, run.steps].map((tree) =>
        partsOf(tree.encoder.layer[0]?.query.weight),
      ) as [ReturnType<typeof partsOf>, ReturnType<typeof partsOf>];
      return step.B.matmul(now.A).add(now.B.matmul(step.A));
    };
    await expectClose(change(other), change(one), 1e-3);
  });
});

describe('loraFa', () => {
  const updates = firstUpdates(loraFa({ learningRate: 0.1 }));

  test('leaves inner factors as they are, but those of embeddings', async () => {
    const { A, B } = partsOf(updates.encoder.layer[0]?.query.weight);
    expect(new Set(await numbers(A))).toEqual(new Set([0]));
    expect(await numbers(B)).not.toContain(0);
    expect(await numbers(partsOf(updates.words.weight).A)).not.toContain(0);
  });

  test('keeps no state for them, so that no more is kept than for B', () => {
    const { init } = loraFa({ learningRate: 0.1 });
    const shapes = JSON.stringify(init(live), (_key, value) => value?.shape ?? value);
    expect(shapes).not.toContain('[2,6,3]'); // A of the convolution
  });

  test('trains all the same', async () => {
    const { B } = partsOf(updates.line.weight);
    expect(B.shape).toEqual([6, 2, 1]);
    expect(await numbers(merge(tuned).call(ids))).toHaveLength(6);
  });
});
