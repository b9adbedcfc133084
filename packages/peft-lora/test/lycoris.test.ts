import { readFileSync } from 'node:fs';
import { Context, Convolution, Linear } from '@lorikeet/nn';
import { adapt, decodeAdapter, loha, lokr, merge } from '@lorikeet/peft-lora';
import { normal, randomKey, type Tensor, zeros } from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { describe, expect, test } from 'vitest';
import { factorize } from '../src/lycoris/factorize.ts';
import { dropUpdate } from '../src/lycoris/updateDropout.ts';
import { largestResult } from './largestResult.ts';
import { goldenPath, readAll } from './peft/goldenModel.ts';
import { expectClose, numbers, trainedForm } from './support.ts';

const methods = { loha, lokr };

describe.each(['loha', 'lokr'] as const)('%s of a kernel', (name) => {
  test('changes it as in PEFT', async () => {
    const dir = goldenPath('kernels', `${name}-conv`);
    const query = (): unknown => ({
      attention: { attention: { query: new Linear(zeros([32, 32]), null) } },
    });
    const projection = new Convolution(zeros([32, 3, 4, 4]), null, { stride: 4 });
    const vit = {
      embeddings: { patch_embeddings: { projection } },
      encoder: { layer: [query(), query()] },
    };
    const config = JSON.parse(readFileSync(`${dir}/adapter_config.json`, 'utf8'));
    const file = await openSafetensors(`${dir}/adapter_model.safetensors`);
    const tuned = await decodeAdapter({ vit }, { config, tensors: file });
    await file.close();
    const values = await openSafetensors(`${dir}/io.safetensors`);
    const expected = (await readAll(values)).get(
      'delta.vit.embeddings.patch_embeddings.projection.weight',
    );
    await values.close();
    const adapted = tuned.vit.embeddings.patch_embeddings.projection;
    const kernel = merge(adapted).weight as Tensor;
    await expectClose(kernel, expected ?? zeros([0]), 2e-6);
    const x = normal(randomKey(2), [2, 3, 8, 8]);
    const merged = merge(adapted).call(x, Context.evaluation);
    await expectClose(adapted.call(x, Context.evaluation), merged, 1e-5);
  });

  test.each([[{}], [{ useEffectiveConv2d: true }]])(
    'with groups, along a line and in space is merged to itself with %j',
    async (options) => {
      const cases = [
        [[6, 2, 3], { groups: 3 }, [2, 6, 5]],
        [[4, 6, 3], {}, [2, 6, 5]],
        [[4, 6, 2, 1, 2], { stride: 2 }, [1, 6, 3, 3, 4]],
      ] as const;
      for (const [sides, geometry, input] of cases) {
        const layer = { part: new Convolution(normal(randomKey(1), sides), null, geometry) };
        const how = methods[name]({ rank: 1, ...options });
        const { part } = await trainedForm(adapt(layer, { part: how }));
        const x = normal(randomKey(2), input);
        const merged = merge(part).call(x, Context.evaluation);
        await expectClose(part.call(x, Context.evaluation), merged, 1e-5);
      }
    },
  );
});

test('fast forms make no matrix of the size of the weight, and their derivatives none', () => {
  const model = new Linear(zeros([48, 60]), null);
  const dense = loha({ rank: 8 });
  expect(largestResult(adapt({ part: model }, { part: dense }).part, zeros([2, 60]))).toBe(48 * 60);
  for (const how of [lokr({ rank: 2 }), loha({ rank: 2 })]) {
    const { part } = adapt({ part: model }, { part: how });
    expect(largestResult(part, zeros([2, 60]))).toBeLessThan(48 * 60);
  }
});

test('sides are factored as in LyCORIS', () => {
  const cases = [
    [12, -1, [3, 4]],
    [7, -1, [1, 7]],
    [128, 4, [4, 32]],
    [20, 5, [5, 4]],
    [8, 3, [2, 4]],
    [768, -1, [24, 32]],
    [9, 0, [1, 9]],
  ] as const;
  for (const [n, factor, expected] of cases) expect(factorize(n, factor)).toEqual(expected);
});

describe('what training drops of an update', () => {
  const context = Context.training(randomKey(4));
  const ones = normal(randomKey(1), [3, 400]).mul(0).add(1);

  test('is features of the output, the same for all rows, and the rest may be scaled', async () => {
    const options = { rankDropout: 0.25, rankDropoutScale: false, moduleDropout: 0 };
    const plain = await numbers(dropUpdate(ones, -1, options, context));
    expect(new Set(plain)).toEqual(new Set([0, 1]));
    expect(plain.slice(0, 400)).toEqual(plain.slice(400, 800));
    const share = plain.reduce((sum, value) => sum + value, 0) / 1200;
    expect(Math.abs(share - 0.75)).toBeLessThan(0.1);
    const scaled = dropUpdate(ones, -1, { ...options, rankDropoutScale: true }, context);
    await expectClose(scaled.mean(), ones.mean(), 1e-5);
    const channels = dropUpdate(ones.reshape([3, 200, 2]), 1, options, context);
    expect((await numbers(channels.sum(-1))).every((sum) => sum !== 1)).toBe(true);
  });

  test('may be all of it, and gives no division by zero', async () => {
    const all = { rankDropout: 0.999, rankDropoutScale: true, moduleDropout: 0 };
    const few = await numbers(dropUpdate(ones.reshape([400, 3]), -1, all, context));
    expect(new Set(few)).toEqual(new Set([0]));
    const module = { rankDropout: 0, rankDropoutScale: true, moduleDropout: 0.5 };
    const kept = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) =>
      dropUpdate(ones.sum(), -1, module, Context.training(randomKey(seed))).item(),
    );
    expect(new Set(await Promise.all(kept))).toEqual(new Set([0, 1200]));
  });
});
