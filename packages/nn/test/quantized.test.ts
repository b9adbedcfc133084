import {
  at,
  baseOf,
  Context,
  Conv1D,
  Convolution,
  contract,
  Embedding,
  gather,
  isReparam,
  Linear,
  materialize,
  paths,
  Quantized,
  quantizeWeights,
} from '@lorikeet/nn';
import {
  compile,
  dequantizeOp,
  normal,
  permute,
  type QuantizeOptions,
  randomKey,
  Tensor,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, numbers, refusal } from './support.ts';

const context = Context.evaluation;
const normals = (seed: number, shape: number[]): Tensor => normal(randomKey(seed), shape);
const bytes: QuantizeOptions = { dtype: 'i8', blockSize: 2 };
const halves: QuantizeOptions = { dtype: 'u4', blockSize: 4, symmetric: false };

describe.each([
  ['i8', bytes],
  ['u8', { ...bytes, dtype: 'u8' }],
  ['i4', { ...halves, dtype: 'i4' }],
  ['u4', halves],
] as const)('a weight in %s', (_, options) => {
  const weight = normals(1, [5, 6]);

  test.each([0, 1] as const)(
    'is contracted as its materialized form, input axis %i',
    async (axis) => {
      const quantized = Quantized.of(weight, { inputAxis: axis }, options);
      const plain = materialize(quantized);
      expect(plain.shape).toEqual([5, 6]);
      for (const inputAxis of [0, 1] as const) {
        const x = normals(2, [2, 3, inputAxis === 0 ? 5 : 6]);
        const fast = contract(x, quantized, { inputAxis });
        expect(fast.shape).toEqual([2, 3, inputAxis === 0 ? 6 : 5]);
        expectClose(await numbers(fast), await numbers(contract(x, plain, { inputAxis })), 1e-6);
      }
      const ids = tensor([4, 0, 4], [3, 1], 'i32');
      expect(await numbers(gather(ids, quantized))).toEqual(await numbers(gather(ids, plain)));
    },
  );

  test('has blocks along the input, however its layer stores it', async () => {
    const rows = Quantized.of(weight, { inputAxis: 1 }, options);
    const columns = Quantized.of(permute(weight, [1, 0]), { inputAxis: 0 }, options);
    expect([rows.weight.shape, rows.scales.shape]).toEqual([
      [5, 6],
      [5, Math.ceil(6 / options.blockSize)],
    ]);
    for (const field of ['weight', 'scales'] as const)
      expect(await numbers(columns[field])).toEqual(await numbers(rows[field]));
  });
});

test('only the rows that are asked for are dequantised', () => {
  const table = Quantized.of(normals(1, [50, 6]), { inputAxis: 1 }, halves);
  const { source } = gather(tensor([7, 3], [2], 'i32'), table);
  if (source.kind !== 'op') throw new Error('not recorded');
  expect(source.op).toBe(dequantizeOp);
  expect(source.inputs.map(({ shape }) => shape)).toEqual([
    [2, 6],
    [2, 2],
    [2, 2],
  ]);
});

test('its numbers are its tensors; it has no other weight under it', async () => {
  const plain = tensor([[127, -64, 2, 0]]);
  const quantized = Quantized.of(plain, { inputAxis: 1 }, { dtype: 'i8', blockSize: 4 });
  expect(isReparam(quantized)).toBe(true);
  expect(paths({ quantized }).map(([path]) => path)).toEqual([
    'quantized.weight',
    'quantized.scales',
  ]);
  expect(await numbers(baseOf(quantized))).toEqual([127, -64, 2, 0]);
});

function plainOf(weight: unknown): Tensor {
  if (!(weight instanceof Quantized)) throw new Error('not quantised');
  return materialize(weight);
}

class Model {
  readonly words: Embedding = new Embedding(normals(1, [7, 6]));
  readonly layers: readonly (Linear | Conv1D)[] = [
    new Linear(normals(2, [8, 6]), normals(3, [8])),
    new Conv1D(normals(4, [8, 3]), normals(5, [3])),
  ];
  readonly line: Convolution = new Convolution(normals(6, [2, 1, 3]), null);

  call(ids: Tensor): Tensor {
    const words = this.words.call(ids, context);
    return this.layers.reduce((x, layer) => layer.call(x, context), words);
  }
}

describe('quantizeWeights', () => {
  const model = new Model();
  const ids = tensor([1, 6, 3], [3], 'i32');

  test('quantises what selectors find, the first that fits, and shares all else', () => {
    const small = quantizeWeights(model, { 'layers.0': halves, '**': bytes });
    const weights = ['words', 'layers.0', 'layers.1'].map((path) => at(small, `${path}.weight`));
    expect(weights).toEqual([
      expect.objectContaining({ blockSize: 2, inputAxis: 1, zeroPoints: null }),
      expect.objectContaining({ blockSize: 4, inputAxis: 1 }),
      expect.objectContaining({ blockSize: 2, inputAxis: 0, zeroPoints: null }),
    ]);
    expect(small).toBeInstanceOf(Model);
    expect(small.line).toBe(model.line);
    expect(at(small, 'layers.0.bias')).toBe(at(model, 'layers.0.bias'));
    expect(at(model, 'layers.0.weight')).toBeInstanceOf(Tensor);
  });

  test('gives the model whose weights are the quantised ones', async () => {
    const small = quantizeWeights(model, { '**': bytes });
    const plain = Object.assign(new Model(), {
      words: new Embedding(plainOf(small.words.weight)),
      layers: [
        new Linear(plainOf(at(small, 'layers.0.weight')), normals(3, [8])),
        new Conv1D(plainOf(at(small, 'layers.1.weight')), normals(5, [3])),
      ],
    });
    const expected = await numbers(plain.call(ids));
    expectClose(await numbers(small.call(ids)), expected, 1e-6);
    const compiled = compile((given: Model, x: Tensor) => given.call(x));
    expectClose(await numbers(compiled(small, ids)), expected, 1e-6);
    const exact = await numbers(model.call(ids));
    expect(() => expectClose(exact, expected, 1e-6)).toThrow();
    expectClose(exact, expected, 0.05);
  });

  test.each<[string, () => unknown, Error]>([
    [
      'a selector that finds nothing',
      () => quantizeWeights(model, { 'layer.0': bytes }),
      refusal('no-match', "did you mean 'layers.0'"),
    ],
    ['a convolution', () => quantizeWeights(model, { line: bytes }), refusal('no-match', 'line')],
    [
      'a weight that is quantised already',
      () => quantizeWeights(quantizeWeights(model, { words: bytes }), { '**': bytes }),
      refusal('unsupported', 'received: a reparametrised weight'),
    ],
    [
      'a block of nothing',
      () => quantizeWeights(model, { words: { ...bytes, blockSize: 0 } }),
      refusal('invalid-argument', 'at:       words'),
    ],
    [
      'whole numbers',
      () => quantizeWeights({ table: new Embedding(zeros([2, 3], 'i32')) }, { table: bytes }),
      refusal('dtype-mismatch', 'at:       table'),
    ],
  ])('refuses %s', (_, run, error) => {
    expect(run).toThrow(error);
  });
});
