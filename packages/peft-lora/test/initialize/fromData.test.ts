import { Context, Conv1D, Linear, materialize } from '@lorikeet/nn';
import {
  AdaptedWeight,
  adapt,
  bdLora,
  convertToLora,
  decodeAdapter,
  encodeAdapter,
  initializeCorda,
  initializeEva,
  initializeLoraGa,
  kasa,
  type LoraInit,
  type LoraOptions,
  lora,
  type Method,
  merge,
  monteclora,
  qaLora,
  velora,
} from '@lorikeet/peft-lora';
import {
  foldIn,
  normal,
  randomKey,
  singularValues,
  sliceAxis,
  square,
  svd,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { filesOf, withConfig } from '../peft/files.ts';
import { expectClose, numbers, refusal, trainedForm } from '../support.ts';

const key = randomKey(5);
const random = (label: string, shape: readonly number[]): Tensor =>
  normal(foldIn(key, label), shape);

/** Two layers, one of them stored as in GPT-2; the second gets inputs that vary in one direction alone. */
class Pair {
  readonly first: Linear = new Linear(random('first', [6, 8]), random('bias', [6]));
  readonly second: Conv1D = new Conv1D(random('second', [5, 7]), random('other', [7]));

  call(x: Tensor): readonly Tensor[] {
    const line = x.matmul(random('line', [8, 1])).matmul(random('spread', [1, 5]));
    return [
      this.first.call(x, Context.evaluation),
      this.second.call(line.add(x.matmul(random('noise', [8, 5])).mul(0.01)), Context.evaluation),
    ];
  }
}

const batches = [random('x1', [2, 3, 8]), random('x2', [4, 8])];
const rows = [batches[0]?.reshape([6, 8]), batches[1]].filter((part) => part !== undefined);
const model = new Pair();
const call = (pair: Pair, x: Tensor): readonly Tensor[] => pair.call(x);
const plain = { rank: 2, alpha: 6 };
const adaptPair = <C>(how: Method<C>): Pair => adapt(model, { '{first,second}': how });
const tunedFor = (init: LoraInit, options: LoraOptions = {}): Pair =>
  adaptPair(lora({ ...plain, initLoraWeights: init, ...options }));
const loss = (pair: Pair, x: Tensor): Tensor =>
  pair
    .call(x)
    .map((output) => square(output).sum())
    .reduce((sum, part) => sum.add(part));
const firstValues = {
  eva: (tuned: Pair) => initializeEva(tuned, { batches, call }),
  corda: (tuned: Pair) => initializeCorda(tuned, { batches, call }),
  lora_ga: (tuned: Pair) => initializeLoraGa(tuned, { batches, loss }),
};

function layerOf(weight: unknown): AdaptedWeight {
  if (weight instanceof AdaptedWeight) return weight;
  throw new Error('there is no adapter');
}

function factorsOf(weight: unknown): { A: Tensor; B: Tensor } {
  const { A, B } = layerOf(weight).parameters;
  if (A === undefined || B === undefined) throw new Error('there is no adapter');
  return { A, B };
}

async function expectUnchanged(tuned: Pair): Promise<void> {
  const x = random('test', [3, 8]);
  const [before, after] = [model.call(x), tuned.call(x)];
  for (const [i, output] of before.entries()) await expectClose(after[i] ?? output, output);
}

/** The Gram matrix of the inputs of the first layer. */
function gram(): Tensor {
  return rows.map((x) => x.permute([1, 0]).matmul(x)).reduce((sum, part) => sum.add(part));
}

describe('EVA', () => {
  test('has the top right singular vectors of the inputs, and starts as the base', async () => {
    const tuned = await initializeEva(tunedFor('eva'), { batches, call, rho: 1 });
    const { A } = factorsOf(tuned.first.weight);
    const { u } = svd(gram());
    const expected = sliceAxis(u, 1, 0, 2).permute([1, 0]);
    await expectClose(A.permute([1, 0]).matmul(A), expected.permute([1, 0]).matmul(expected), 1e-4);
    await expectClose(A.matmul(A.permute([1, 0])), tensor([1, 0, 0, 1], [2, 2]), 1e-4);
    await expectUnchanged(tuned);
  });

  test('gives ranks to where directions explain most, and keeps the scaling', async () => {
    const tuned = await initializeEva(tunedFor('eva'), { batches, call });
    const [first, second] = [layerOf(tuned.first.weight), layerOf(tuned.second.weight)];
    expect(first.settings.config).toMatchObject({ rank: 3, alpha: 9 });
    expect(second.settings.config).toMatchObject({ rank: 1, alpha: 3 });
    expect(factorsOf(tuned.second.weight).B.shape).toEqual([7, 1]);
    await expectUnchanged(tuned);
  });

  test('whitens: each direction over the root of its singular value', async () => {
    const tuned = await initializeEva(tunedFor('eva'), { batches, call, rho: 1, whiten: true });
    const { A } = factorsOf(tuned.first.weight);
    const values = (await numbers(singularValues(gram()))).slice(0, 2);
    const lengths = await numbers(square(A).sum(1));
    values.forEach((value, i) => {
      expect(lengths[i]).toBeCloseTo(1 / Math.sqrt(value), 4);
    });
  });

  test('is saved with the ranks as a pattern, and loaded again, with or without its config', async () => {
    const tuned = await trainedForm(await initializeEva(tunedFor('eva'), { batches, call }));
    const files = await filesOf(tuned);
    const x = random('test', [3, 8]);
    for (const eva_config of [null, { rho: 2, tau: 0.99 }]) {
      const loaded = await decodeAdapter(model, await withConfig(files, { eva_config }));
      for (const [i, output] of tuned.call(x).entries())
        await expectClose(loaded.call(x)[i] ?? output, output);
    }
  });

  test('is refused for an adapter that is made for other first values', async () => {
    await expect(initializeEva(tunedFor(true), { batches, call })).rejects.toThrow(
      refusal('invalid-argument', 'first values'),
    );
  });
});

describe('CorDA', () => {
  /** How much of what the weight gives for the batches is lost without the product. */
  const lost = async (tuned: Pair): Promise<number> => {
    const { A, B } = factorsOf(tuned.first.weight);
    const product = B.matmul(A).mul(3);
    const losses = rows.map((x) =>
      square(x.matmul(product.permute([1, 0])))
        .sum()
        .item(),
    );
    return (await Promise.all(losses)).reduce((sum, loss) => sum + loss);
  };

  test.each(['ipm', 'kpm'] as const)('%s starts as the base', async (mode) => {
    await expectUnchanged(await initializeCorda(tunedFor('corda'), { batches, call, mode }));
  });

  test('ipm trains what the inputs use most, kpm what they use least', async () => {
    const [most, least] = await Promise.all(
      (['ipm', 'kpm'] as const).map(async (mode) =>
        lost(await initializeCorda(tunedFor('corda'), { batches, call, mode })),
      ),
    );
    const pissa = await lost(tunedFor('pissa'));
    expect(most ?? 0).toBeGreaterThan(pissa);
    expect(least ?? 0).toBeLessThan(0.1 * pissa);
  });

  test('all directions together are the weight', async () => {
    const tuned = await initializeCorda(tunedFor('corda', { rank: 5, alpha: 5 }), {
      batches,
      call,
    });
    const { A, B } = factorsOf(tuned.second.weight);
    const weight = model.second.weight as Tensor;
    await expectClose(B.matmul(A), weight.permute([1, 0]), 1e-3);
  });
});

describe('LoRA-GA', () => {
  /** Of the sum of squares the gradient by the first weight is 2 yᵀ x, by hand. */
  const gradient = rows
    .map((x) => model.first.call(x, Context.evaluation).permute([1, 0]).matmul(x).mul(2))
    .reduce((sum, part) => sum.add(part));

  test.each(['stable', 'gd_scale', 'unit'] as const)('%s starts as the base', async (scale) => {
    await expectUnchanged(await initializeLoraGa(tunedFor('lora_ga'), { batches, loss, scale }));
  });

  test.each(['ArB2r', 'A2rBr', 'ArBr'] as const)(
    '%s: the first step is the best one of twice the rank',
    async (direction) => {
      const tuned = await initializeLoraGa(tunedFor('lora_ga'), { batches, loss, direction });
      const { A, B } = factorsOf(tuned.first.weight);
      const step = gradient
        .matmul(A.permute([1, 0]))
        .matmul(A)
        .add(B.matmul(B.permute([1, 0])).matmul(gradient));
      const { u, s, v } = svd(gradient);
      const four = (part: Tensor): Tensor => sliceAxis(part, 1, 0, 4);
      const best = four(u)
        .mul(sliceAxis(s, 0, 0, 4))
        .matmul(four(v).permute([1, 0]));
      await expectClose(step, best.mul(Math.sqrt(6) / 16), 1e-4);
    },
  );

  test('is saved with what was taken out, and loaded again', async () => {
    const tuned = await trainedForm(await initializeLoraGa(tunedFor('lora_ga'), { batches, loss }));
    const loaded = await decodeAdapter(model, await withConfig(await filesOf(tuned)));
    const x = random('test', [3, 8]);
    for (const [i, output] of tuned.call(x).entries())
      await expectClose(loaded.call(x)[i] ?? output, output);
    const plain = convertToLora(tuned);
    for (const [i, output] of tuned.call(x).entries())
      await expectClose(plain.call(x)[i] ?? output, output);
    expect(encodeAdapter(plain).config).toMatchObject({ init_lora_weights: true, r: 4 });
  });

  test("takes GPT-2's inputs for outputs with compat, as PEFT does", async () => {
    const made = async (compat?: 'peft'): Promise<readonly Tensor[]> => {
      const options = compat === undefined ? {} : { compat };
      const tuned = await initializeLoraGa(tunedFor('lora_ga'), { batches, loss, ...options });
      return [tuned.first, tuned.second].map(
        ({ weight }) => layerOf(weight).parameters.A ?? tensor([]),
      );
    };
    const [right, peft] = [await made(), await made('peft')];
    const [first, second] = [0, 1].map((i) => [right[i] ?? tensor([]), peft[i] ?? tensor([])]);
    await expectClose(first?.[1] ?? tensor([]), first?.[0] ?? tensor([]), 0);
    // 7 outputs, and 5 inputs.
    const scaled = (second?.[0] ?? tensor([])).mul((5 / 7) ** 0.25);
    await expectClose(second?.[1] ?? tensor([]), scaled, 1e-6);
  });

  test('refuses a rank above half of that of the weight', async () => {
    await expect(
      initializeLoraGa(tunedFor('lora_ga', { rank: 3 }), { batches, loss }),
    ).rejects.toThrow(refusal('unsupported', 'at most 2'));
  });
});

type Init = 'eva' | 'corda' | 'lora_ga';

/** What PEFT gives first values to beside plain LoRA. */
const methods: readonly (readonly [string, (initLoraWeights: Init) => Method<unknown>])[] = [
  ['dora', (initLoraWeights) => lora({ ...plain, useDora: true, initLoraWeights })],
  ['velora', (initLoraWeights) => velora({ ...plain, initLoraWeights })],
  [
    'monteclora',
    (initLoraWeights) =>
      monteclora({ ...plain, initLoraWeights, montecloraConfig: { numSamples: 3 } }),
  ],
];

describe.each(methods)('%s', (_, how) => {
  const made = (init: Init): Promise<Pair> => firstValues[init](adaptPair(how(init)));

  test.each(['eva', 'corda', 'lora_ga'] as const)(
    'takes the first values of %s from data, as LoRA does',
    async (init) => {
      const [found, expected] = [await made(init), await firstValues[init](tunedFor(init))];
      for (const field of ['first', 'second'] as const) {
        const [own, loras] = [factorsOf(found[field].weight), factorsOf(expected[field].weight)];
        await expectClose(own.A, loras.A, 0);
        await expectClose(own.B, loras.B, 0);
      }
      await expectUnchanged(found);
    },
  );

  test.each(['eva', 'corda', 'lora_ga'] as const)(
    'trained from %s is merged, saved and loaded',
    async (init) => {
      const tuned = await trainedForm(await made(init));
      const loaded = await decodeAdapter(model, await withConfig(await filesOf(tuned)));
      const x = random('test', [3, 8]);
      for (const [i, output] of tuned.call(x).entries()) {
        await expectClose(loaded.call(x)[i] ?? output, output);
        await expectClose(merge(tuned).call(x)[i] ?? output, output, 1e-4);
      }
    },
  );
});

test('of another rank, what monteclora draws its changes from is made anew', async () => {
  const tuned = await initializeEva(adaptPair(monteclora({ ...plain, initLoraWeights: 'eva' })), {
    batches,
    call,
    key: randomKey(1),
  });
  const layers = [layerOf(tuned.first.weight), layerOf(tuned.second.weight)];
  expect(layers.map(({ settings }) => settings.config)).toMatchObject([{ rank: 3 }, { rank: 1 }]);
  expect(layers.map(({ parameters }) => parameters.stdPrior?.shape)).toEqual([[3], [1]]);
  expect(layers.map(({ frozen }) => frozen.gaussianVarPrior?.shape)).toEqual([
    [3, 3],
    [1, 1],
  ]);
  const [output] = tuned.first.call(random('test', [3, 8]), Context.training(key)).shape;
  expect(output).toBe(3);
});

test('of another rank, kasa takes as many singular values from the weight', async () => {
  const tuned = await initializeEva(adaptPair(kasa({ ...plain, initLoraWeights: 'eva' })), {
    batches,
    call,
  });
  for (const [field, rank] of [
    ['first', 3],
    ['second', 1],
  ] as const) {
    const { parameters, frozen, base } = layerOf(tuned[field].weight);
    expect(parameters.diagonal?.shape).toEqual([rank]);
    const least = (await numbers(singularValues(materialize(base)))).slice(-rank);
    const taken = frozen.droppedB?.matmul(frozen.droppedA ?? tensor([])) ?? tensor([]);
    const found = (await numbers(singularValues(taken))).slice(0, rank);
    await expectClose(tensor(found), tensor(least), 1e-5);
  }
  const files = await filesOf(await trainedForm(tuned));
  expect(files.config).toMatchObject({ r: 3, rank_pattern: { second: 1 } });
});

test.each([
  [kasa, 'corda', 'KaSA cuts'],
  [kasa, 'lora_ga', 'KaSA cuts'],
  [qaLora, 'eva', 'groups'],
  [bdLora, 'eva', 'in blocks'],
  [velora, 'mica', 'of its own'],
] as const)('%o refuses first values of %s, and says why', (how, init, reason) => {
  const options = { initLoraWeights: init, useBdlora: {} };
  expect(() => Reflect.apply(how, undefined, [options])).toThrow(refusal('invalid-config', reason));
});
