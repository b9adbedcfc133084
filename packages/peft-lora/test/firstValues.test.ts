import { Context, Conv1D, Convolution, Linear } from '@lorikeet/nn';
import {
  AdaptedWeight,
  adapt,
  convertToLora,
  decodeAdapter,
  denseOf,
  disable,
  encodeAdapter,
  type LoraInit,
  type LoraOptions,
  lora,
  merge,
  updateOf,
} from '@lorikeet/peft-lora';
import { foldIn, normal, randomKey, singularValues, type Tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { filesOf, withConfig } from './peft/files.ts';
import { expectClose, numbers, refusal, trainedForm } from './support.ts';

const key = randomKey(5);
const random = (label: string, shape: readonly number[]): Tensor =>
  normal(foldIn(key, label), shape);
const x = random('x', [5, 8]);
const models = {
  linear: { layer: new Linear(random('weight', [6, 8]), random('bias', [6])) },
  /** GPT-2 stores [in, out]. */
  conv1D: { layer: new Conv1D(random('weight', [8, 6]), random('bias', [6])) },
};

function parametersOf(layer: { readonly weight: unknown }): { A: Tensor; B: Tensor } {
  const { A, B } = layer.weight instanceof AdaptedWeight ? layer.weight.parameters : {};
  if (A === undefined || B === undefined) throw new Error('there is no adapter');
  return { A, B };
}

const options: LoraOptions = { rank: 3, alpha: 7.5 };

describe.each(['linear', 'conv1D'] as const)('on a %s layer', (kind) => {
  const model = models[kind];
  const weight =
    kind === 'linear' ? model.layer.weight : (model.layer.weight as Tensor).permute([1, 0]);

  test.each(['pissa', 'pissa_niter_8', 'olora'] as const)(
    '%s starts as the base, whose tensors stay as they are',
    async (initLoraWeights) => {
      const tuned = adapt(model, { layer: lora({ ...options, initLoraWeights }) });
      const expected = model.layer.call(x, Context.evaluation);
      await expectClose(tuned.layer.call(x, Context.evaluation), expected);
      expect(disable(tuned).layer.weight).toBe(model.layer.weight);
    },
  );

  test('pissa trains the largest singular values', async () => {
    const { layer } = adapt(model, { layer: lora({ ...options, initLoraWeights: 'pissa' }) });
    const { A, B } = parametersOf(layer);
    const product = B.matmul(A).mul(2.5);
    const [all, own, left] = await Promise.all(
      [weight as Tensor, product, (weight as Tensor).sub(product)].map((matrix) =>
        numbers(singularValues(matrix)),
      ),
    );
    const close = (got: readonly number[] = [], want: readonly number[] = []): void =>
      want.forEach((value, i) => {
        expect(got[i]).toBeCloseTo(value, 4);
      });
    close(own, [...(all?.slice(0, 3) ?? []), 0, 0, 0]);
    close(left, [...(all?.slice(3) ?? []), 0, 0, 0]);
    // Both sides have the same share.
    await expectClose(A.mul(A).sum(1), B.mul(B).sum(0));
  });

  test('olora trains orthonormal columns of the outputs', async () => {
    const { layer } = adapt(model, { layer: lora({ ...options, initLoraWeights: 'olora' }) });
    const { A, B } = parametersOf(layer);
    const gram = await numbers(B.permute([1, 0]).matmul(B));
    gram.forEach((value, i) => {
      expect(value).toBeCloseTo(i % 4 === 0 ? 1 : 0, 5);
    });
    // The first columns of the weight are spanned by them: Q R with R triangular.
    const rest = (weight as Tensor).sub(B.matmul(A));
    const columns = (await numbers(rest)).filter((_, i) => i % 8 < 3);
    for (const value of columns) expect(Math.abs(value)).toBeLessThan(1e-5);
  });

  test('as plain LoRA it is the same, with twice the rank', async () => {
    const tuned = await trainedForm(
      adapt(model, { layer: lora({ ...options, initLoraWeights: 'pissa' }) }),
    );
    const plain = convertToLora(tuned);
    const { config } = encodeAdapter(plain);
    expect(config).toMatchObject({ r: 6, lora_alpha: 15, init_lora_weights: true });
    const expected = tuned.layer.call(x, Context.evaluation);
    await expectClose(plain.layer.call(x, Context.evaluation), expected);
    await expectClose(merge(plain).layer.call(x, Context.evaluation), expected);
    const [own, other] = [tuned, plain].map((form) => updateOf(form).pairs.layer);
    if (own === undefined || other === undefined) throw new Error('there is no update');
    await expectClose(denseOf(other), denseOf(own));
  });
});

test('pissa by power iterations comes near the exact one', async () => {
  const product = async (initLoraWeights: LoraInit): Promise<Tensor> => {
    const model = { layer: new Linear(random('large', [40, 30]), null) };
    const { layer } = adapt(model, { layer: lora({ rank: 3, initLoraWeights }) });
    const { A, B } = parametersOf(layer);
    return B.matmul(A);
  };
  await expectClose(await product('pissa_niter_20'), await product('pissa'), 1e-2);
});

test('orthogonal first values are not zero, and their product is', async () => {
  const { layer } = adapt(models.linear, {
    layer: lora({ rank: 4, initLoraWeights: 'orthogonal' }),
  });
  const { A, B } = parametersOf(layer);
  for (const factor of [A, B])
    expect(Math.max(...(await numbers(factor)).map(Math.abs))).toBeGreaterThan(0.05);
  for (const value of await numbers(B.matmul(A))) expect(Math.abs(value)).toBeLessThan(1e-6);
});

describe('refused is', () => {
  const put = (init: LoraInit, rank: number, layer: object = models.linear.layer) =>
    adapt({ layer }, { layer: lora({ rank, initLoraWeights: init }) });

  test('a rank above that of the weight', () => {
    expect(() => put('pissa', 7)).toThrow(refusal('unsupported', 'at most 6'));
  });

  test('a negative number of power iterations', () => {
    expect(() => lora({ initLoraWeights: 'pissa_niter_-1' })).toThrow(refusal('invalid-config'));
  });

  test('an odd rank of orthogonal first values', () => {
    expect(() => put('orthogonal', 3)).toThrow(refusal('unsupported', 'even rank'));
  });

  test('a convolution', () => {
    const layer = new Convolution(random('kernel', [4, 3, 2]), null);
    expect(() => put('olora', 2, layer)).toThrow(refusal('unsupported', 'linear layers'));
  });

  test("a file of PEFT's randomised PiSSA, which lacks what was taken out", async () => {
    const tuned = adapt(models.linear, {
      layer: lora({ rank: 2, initLoraWeights: 'pissa_niter_4' }),
    });
    const { config, entries } = await filesOf(tuned);
    const kept = new Map([...entries].filter(([name]) => !name.endsWith('.first')));
    expect(entries.size - kept.size).toBe(2);
    const files = await withConfig({ config, entries: kept });
    await expect(decodeAdapter(models.linear, files)).rejects.toThrow(refusal('missing-tensor'));
  });
});
