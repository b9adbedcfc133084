import {
  childrenOf,
  flattenTree,
  isLorikeetError,
  isTreeNode,
  mapLeaves,
  mapTensors,
  mul,
  rebuild,
  type Tensor,
  tensor,
  unflattenTree,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { nested } from './nested.ts';

class Affine {
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  readonly name: string;

  constructor(weight: Tensor, bias: Tensor | undefined, name: string) {
    this.weight = weight;
    this.bias = bias;
    this.name = name;
  }

  call(x: Tensor): Tensor {
    return mul(x, this.weight);
  }
}

class Product {
  readonly base: Tensor = tensor([2]);

  materialize(): Tensor {
    return mul(this.base, 3);
  }
}

class Settings {
  readonly hidden: Tensor = tensor([1]);
}

const [a, b, c] = [tensor([1]), tensor([2]), tensor([3])];
const settings = new Settings();
const relu = (x: Tensor): Tensor => x;

function makeTree(): { layers: Affine[]; scale: Tensor; act: typeof relu; settings: Settings } {
  return {
    layers: [new Affine(a, b, 'first'), new Affine(c, undefined, 'second')],
    scale: a,
    act: relu,
    settings,
  };
}

const keyOf = (tree: unknown): string => flattenTree(tree).structure.key;

test('flatten takes out the tensors in the order of the fields', () => {
  const { leaves, structure } = flattenTree(makeTree());
  expect(leaves).toEqual([a, b, c, a]);
  expect(leaves[0]).toBe(leaves[3]);
  expect(structure.leafCount).toBe(4);
});

test('unflatten puts tensors back, into instances of the same classes', async () => {
  const { leaves, structure } = flattenTree(makeTree());
  const doubled = unflattenTree(
    structure,
    leaves.map((leaf) => mul(leaf, 2)),
  ) as ReturnType<typeof makeTree>;
  const [first, second] = doubled.layers;
  expect(first).toBeInstanceOf(Affine);
  expect(await nested(first?.call(tensor([10])) ?? a)).toEqual([20]);
  expect(second?.name).toBe('second');
  expect(second?.bias).toBeUndefined();
  expect(await nested(doubled.scale)).toEqual([2]);
});

test('a tree taken apart and put together is equal, and its static values are the same', () => {
  const tree = makeTree();
  const { leaves, structure } = flattenTree(tree);
  const back = unflattenTree(structure, leaves) as typeof tree;
  expect(back).toEqual(tree);
  expect(back).not.toBe(tree);
  expect(back.settings).toBe(settings);
  expect(back.act).toBe(relu);
  expect(keyOf(back)).toBe(keyOf(tree));
});

test('a single tensor is a tree, and so is none', () => {
  const { leaves, structure } = flattenTree(a);
  expect(leaves).toEqual([a]);
  expect(unflattenTree(structure, [b])).toBe(b);
  expect(flattenTree(undefined).leaves).toEqual([]);
});

test('modules, weights, arrays and records are nodes; all else is static', () => {
  expect([[], {}, new Affine(a, b, ''), new Product(), Object.create(null)].every(isTreeNode)).toBe(
    true,
  );
  expect([a, settings, relu, new Map(), new Date(), null, 1, 'x'].some(isTreeNode)).toBe(false);
});

test('keys do not depend on the values of tensors', () => {
  expect(keyOf({ x: a })).toBe(keyOf({ x: tensor([[5, 6]]) }));
});

test.each<[what: string, one: unknown, other: unknown]>([
  ['a static number', { x: a, n: 1 }, { x: a, n: 2 }],
  ['a number and its text', { n: 1 }, { n: '1' }],
  ['0 and -0', { n: 0 }, { n: -0 }],
  ['true and its text', { n: true }, { n: 'true' }],
  ['undefined and null', { n: undefined }, { n: null }],
  ['a field that is not there', { x: a }, { x: a, n: undefined }],
  ['the name of a field', { x: a }, { y: a }],
  ['an array and a record', [a], { 0: a }],
  ['nesting', [[a], b], [[a, b]]],
  ['a tensor and a static value', { x: a }, { x: 1 }],
  ['a text that looks like structure', { x: '*' }, { x: a }],
  ['a function', { f: relu }, { f: (x: Tensor) => x }],
  ['an object that is not a node', { s: settings }, { s: new Settings() }],
  ['a class and a record with its fields', new Product(), { base: a }],
  ['the class', new Product(), Object.assign(new (class extends Product {})())],
])('keys differ with %s', (_, one, other) => {
  expect(keyOf(one)).not.toBe(keyOf(other));
});

test('mapTensors gives the path of each tensor and leaves the rest', async () => {
  const paths: string[] = [];
  const tree = makeTree();
  const mapped = mapTensors(tree, (leaf, path) => {
    paths.push(path.join('.'));
    return mul(leaf, 10);
  });
  expect(paths).toEqual(['layers.0.weight', 'layers.0.bias', 'layers.1.weight', 'scale']);
  expect(await nested(mapped.layers[1]?.weight ?? a)).toEqual([30]);
  expect(mapped.layers[0]?.name).toBe('first');
  expect(tree.layers[0]?.weight).toBe(a);
});

test('mapLeaves visits static values too', () => {
  const seen: unknown[] = [];
  mapLeaves({ x: a, n: 1, list: ['p'] }, (leaf) => {
    seen.push(leaf);
    return leaf;
  });
  expect(seen).toEqual([a, 1, 'p']);
});

test('rebuild makes a node of the same kind of other children', () => {
  const affine = new Affine(a, b, 'first');
  const copy = rebuild(
    affine as unknown as Record<string, unknown>,
    childrenOf(affine as unknown as Record<string, unknown>).map(
      ([name, child]) => [name, child === a ? c : child] as const,
    ),
  );
  expect(copy).toBeInstanceOf(Affine);
  expect(copy.weight).toBe(c);
});

test('the number of leaves must fit', () => {
  const { structure } = flattenTree([a, b]);
  expect(() => unflattenTree(structure, [a])).toThrow(
    expect.toSatisfy((e: unknown) => isLorikeetError(e, 'tree-mismatch')),
  );
});
