import {
  at,
  Context,
  countParameters,
  Linear,
  mapTree,
  nodePaths,
  paths,
  replaceAt,
  visitTensors,
  zipTrees,
} from '@lorikeet/nn';
import { mul, tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { allPaths, Block, b0, first, g, model, s, second, w0, w1 } from './blockModel.ts';
import { numbers, refusal } from './support.ts';

test('paths are the field names and indices of every tensor, in the order of the fields', () => {
  expect(paths(model)).toEqual(allPaths.map((path) => [path, at(model, path)]));
  expect(paths(w0)).toEqual([['', w0]]);
  expect(paths(null)).toEqual([]);
});

test('nodePaths are the paths of inner nodes too', () => {
  expect(nodePaths({ block: first, n: 1, x: s })).toEqual([
    'block',
    'block.dense',
    'block.dense.weight',
    'block.dense.bias',
    'block.norm',
    'block.norm.weight',
    'block.norm.bias',
    'x',
  ]);
  expect(nodePaths(s)).toEqual([]);
});

test('at gives the node or leaf of a path, and the tree itself for the empty one', () => {
  expect(at(model, 'layers.1')).toBe(second);
  expect(at(model, 'layers.0.dense.bias')).toBe(b0);
  expect(at(model, 'layers.0.name')).toBe('first');
  expect(at(model, 'extra')).toBeNull();
  expect(at(model, '')).toBe(model);
});

test.each(['layers.0.dens', 'layers.2.dense', 'layer.0.dense', 'layers.0.dense.weight.shape'])(
  'at refuses %s, and names what is near',
  (path) => {
    expect(() => at(model, path)).toThrow(refusal('no-match', `at:       ${path}`));
    expect(() => at(model, path)).toThrow(refusal('no-match', "did you mean 'layers.0.dense"));
  },
);

test('replaceAt copies only the nodes on the way, and leaves the tree as it was', () => {
  const bias = tensor([30]);
  const changed = replaceAt(model, 'layers.0.dense.bias', bias);
  expect(at(changed, 'layers.0.dense.bias')).toBe(bias);
  expect(changed.layers[0]).toBeInstanceOf(Block);
  expect(changed.layers[0]).not.toBe(first);
  expect(changed.layers[0]?.norm).toBe(first.norm);
  expect(changed.layers[0]?.dense.weight).toBe(w0);
  expect(changed.layers[1]).toBe(second);
  expect(model.layers[0]?.dense.bias).toBe(b0);
  expect(replaceAt(model, '', 5)).toBe(5);
});

test('replaceAt puts a node in the place of another, or fills an empty place', () => {
  const dense = new Linear(w1, b0);
  expect(replaceAt(model, 'layers.1.dense', dense).layers[1]?.dense).toBe(dense);
  expect(at(replaceAt(model, 'layers.1.dense.bias', b0), 'layers.1.dense.bias')).toBe(b0);
});

test('replaceAt refuses a path that is not there', () => {
  expect(() => replaceAt(model, 'layers.0.dense.bia', b0)).toThrow(
    refusal('no-match', "'layers.0.dense.bias'"),
  );
});

test('countParameters counts the elements of all tensors, or of the chosen', () => {
  expect(countParameters(model)).toBe(2 + 1 + 1 + 1 + 2 + 1 + 1);
  expect(countParameters(model, (_, { path }) => path.endsWith('dense.weight'))).toBe(4);
  expect(countParameters(model, ({ rank }) => rank === 1)).toBe(5);
  expect(countParameters({ x: tensor(1), y: null })).toBe(1);
});

test('visitTensors tells the nodes above a tensor, the outermost first', () => {
  const seen: [string, readonly object[]][] = [];
  visitTensors({ block: second }, (_, { path, ancestors }) => seen.push([path, ancestors]));
  expect(seen.map(([path]) => path)).toEqual([
    'block.dense.weight',
    'block.norm.weight',
    'block.norm.bias',
  ]);
  expect(seen[0]?.[1].slice(1)).toEqual([second, second.dense]);
  expect(seen[2]?.[1].at(-1)).toBe(second.norm);
});

test('mapTree maps tensors and keeps the rest', async () => {
  const doubled = mapTree(model, (leaf) => mul(leaf, 2));
  expect(doubled.layers[0]).toBeInstanceOf(Block);
  expect(doubled.layers[0]?.name).toBe('first');
  expect(doubled.layers[1]?.dense.bias).toBeNull();
  expect(
    await numbers(doubled.layers[0]?.dense.call(tensor([[1, 1]]), Context.evaluation) ?? s),
  ).toEqual([12]);
});

test('zipTrees maps the tensors at each place together', async () => {
  const sum = zipTrees(
    (x, y, z) => x.add(y).mul(z),
    { a: g, b: [s] },
    { a: s, b: [s] },
    {
      a: tensor([10]),
      b: [tensor([100])],
      more: s,
    },
  );
  expect(await numbers(sum.a)).toEqual([130]);
  expect(await Promise.all(sum.b.map(numbers))).toEqual([[1400]]);
});

test('zipTrees refuses a tree that lacks a tensor, and says where', () => {
  expect(() => zipTrees((x) => x, { a: [g, s] }, { a: [g, null] })).toThrow(
    refusal('tree-mismatch', 'a.1'),
  );
});
