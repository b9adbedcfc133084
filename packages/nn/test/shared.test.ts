import {
  at,
  combine,
  countParameters,
  type Part,
  partition,
  paths,
  Shared,
  SharedGroup,
} from '@lorikeet/nn';
import { grad, type Tensor, tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { numbers, refusal } from './support.ts';

const bank: Tensor = tensor([1, 2]);
const table: Tensor = tensor([5]);
const group = new SharedGroup('bank');
const place = (own: number) => ({
  own: tensor([own]),
  common: new Shared({ bank, table }, group),
});
const tree = {
  first: place(3),
  second: place(4),
  other: new Shared(tensor([9]), new SharedGroup('alone')),
};
const [live, frozen] = partition(tree, (_, { path }) => !path.endsWith('table'));

test('what places share is on a side once, at the first of them', () => {
  expect(paths(live).map(([path]) => path)).toEqual([
    'first.own',
    'first.common.value.bank',
    'second.own',
    'other.value',
  ]);
  expect(paths(frozen)).toEqual([['first.common.value.table', table]]);
});

test('combine puts it back at every place, from either side', () => {
  for (const whole of [combine(live, frozen), combine(frozen, live)]) {
    expect(paths(whole)).toEqual(paths(tree));
    expect(whole.second.common).toBe(whole.first.common);
  }
});

test('a part of a part is put together without what was left out of it', () => {
  const [own, rest] = partition(live, (_, { path }) => path.endsWith('own'));
  expect(paths(combine(own, rest))).toEqual(paths(live));
  expect(paths(combine(combine(rest, own), frozen))).toEqual(paths(tree));
});

test('counts once, and gets the sum of the gradients of its places', async () => {
  expect(countParameters(tree)).toBe(1 + 2 + 1 + 1 + 1);
  const slope = grad((part: typeof live) => {
    const { first, second } = combine(part, frozen);
    const { bank: here } = first.common.call();
    const { bank: there } = second.common.call();
    return here.mul(2).add(there.mul(3)).sum();
  })(live);
  expect(await numbers(at(slope, 'first.common.value.bank') as Tensor)).toEqual([5, 5]);
});

test('a place that shares what is nowhere is refused', () => {
  const [stray, none] = partition([tree.first, tree.second], () => true);
  const second = (side: Part<unknown>) => [null, at(side, '1')] as unknown as Part<unknown>;
  expect(() => combine(second(stray), second(none))).toThrow(refusal('tree-mismatch', '1.common'));
});
