import {
  adamw,
  applyUpdates,
  Linear,
  type ParameterGroup,
  parameterGroups,
  partition,
  paths,
  setToZero,
  sgd,
} from '@lorikeet/nn';
import { evaluate, ones, type Tensor, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { numbers, refusal } from './support.ts';

const model = {
  layers: [0, 1].map((i) => new Linear(tensor([[10 + i]]), tensor([20 + i]))),
  head: tensor([30]),
};

const rate = (learningRate: number) => sgd({ learningRate });
const withBiases: readonly ParameterGroup[] = [
  { select: '**.bias', optimizer: rate(2) },
  { select: 'layers.0.*', optimizer: sgd({ learningRate: 3, momentum: 1 }) },
  { select: '**', optimizer: rate(4) },
];

/** What is added to each parameter when all gradients are 1, in each of two steps. */
async function updatesOf(groups: readonly ParameterGroup[]): Promise<Record<string, number[]>> {
  const optimizer = parameterGroups(groups);
  const gradients = await evaluate({
    layers: model.layers.map(() => new Linear(ones([1, 1]), ones([1]))),
    head: ones([1]),
  });
  const first = optimizer.update(gradients, optimizer.init(model), model);
  const second = optimizer.update(gradients, first.state, model);
  const found: Record<string, number[]> = {};
  for (const { updates } of [first, second])
    for (const [path, leaf] of paths(updates))
      found[path] = [...(found[path] ?? []), ...(await numbers(leaf))];
  return found;
}

describe('parameterGroups', () => {
  test('gives each parameter to the first group that matches, with a rate and a state of its own', async () => {
    expect(await updatesOf(withBiases)).toEqual({
      'layers.0.weight': [-3, -6],
      'layers.0.bias': [-2, -2],
      'layers.1.weight': [-4, -4],
      'layers.1.bias': [-2, -2],
      head: [-4, -4],
    });
  });

  test('of one group is its optimiser', async () => {
    const updates = await updatesOf([{ select: '**', optimizer: rate(5) }]);
    expect(new Set(Object.values(updates).flat())).toEqual(new Set([-5]));
  });

  test('gives updates that fit the parameters, also those of a partition', async () => {
    const [trainable] = partition(model, (leaf) => leaf !== model.head);
    const optimizer = parameterGroups(
      withBiases.with(2, { select: '**.weight', optimizer: rate(4) }),
    );
    const { updates } = optimizer.update(trainable, optimizer.init(trainable), trainable);
    const values = paths(applyUpdates(trainable, updates)).map(([, leaf]: [string, Tensor]) =>
      numbers(leaf),
    );
    expect((await Promise.all(values)).flat()).toEqual([10 - 30, 20 - 40, 11 - 44, 21 - 42]);
  });

  test('passes parameters on, so that weight decay differs by group', async () => {
    const optimizer = parameterGroups([
      { select: '**.bias', optimizer: adamw({ learningRate: 1, weightDecay: 0 }) },
      { select: '**', optimizer: adamw({ learningRate: 1, weightDecay: 0.5 }) },
    ]);
    const zeros = { w: tensor([0]), bias: tensor([0]) };
    const values = { w: tensor([8]), bias: tensor([8]) };
    const { updates } = optimizer.update(zeros, optimizer.init(values), values);
    expect(await numbers(updates.w)).toEqual([-4]);
    expect(await numbers(updates.bias)).toEqual([-0]);
  });

  test('selects by any fact of a tensor and its place, which may hold for none', async () => {
    const found = await updatesOf([
      { select: (leaf) => leaf.rank === 3, optimizer: rate(9) },
      { select: (leaf) => leaf.rank === 2, optimizer: rate(2) },
      { select: (_leaf, { ancestors }) => ancestors.length === 1, optimizer: setToZero() },
      { select: () => true, optimizer: rate(4) },
    ]);
    expect(found['layers.0.weight']).toEqual([-2, -2]);
    expect(found['layers.1.bias']).toEqual([-4, -4]);
    expect(found.head).toEqual([0, 0]);
    const left = parameterGroups([{ select: (leaf) => leaf.rank === 2, optimizer: rate(1) }]);
    expect(() => left.init(model)).toThrow(refusal('no-match', 'layers.0.bias'));
  });

  test('refuses a group that matches nothing', () => {
    const wrong = [{ select: '**.biass', optimizer: rate(1) }, ...withBiases];
    expect(() => parameterGroups(wrong).init(model)).toThrow(
      refusal('no-match', "'**.biass' matches nothing"),
    );
  });

  test('refuses a parameter that no group takes', () => {
    expect(() => parameterGroups(withBiases.slice(0, 2)).init(model)).toThrow(
      refusal('no-match', 'at:       layers.1.weight'),
    );
    expect(() => parameterGroups([]).init(model)).toThrow(refusal('no-match', "for '**'"));
  });
});
