import {
  adapt,
  c3a,
  decodeAdapter,
  disable,
  hira,
  loha,
  lora,
  setAdapterWeights,
  swapAdapter,
  train,
} from '@lorikeet/peft-lora';
import { compile, type Tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { filesOf, withConfig } from './peft/files.ts';
import { expectClose, ids, refusal, Small, trainedForm } from './support.ts';

const model = new Small();
const place = (
  method: Parameters<typeof adapt>[1][string],
  seed: number,
  name = 'default',
): Promise<Small> =>
  trainedForm(
    adapt(
      model,
      { '**.{query,mlp}': method, words: method, line: method, classifier: train() },
      { name },
    ),
    seed,
  );

describe('the values of another adapter', () => {
  test('take the place of those that are compiled, from a file too, without another plan', async () => {
    const [one, two] = [await place(lora({ rank: 2 }), 1), await place(lora({ rank: 2 }), 2)];
    const loaded = await decodeAdapter(model, await withConfig(await filesOf(two)));
    const call = compile((tree: Small, x: Tensor) => tree.call(x));
    await expectClose(call(one, ids), one.call(ids), 1e-6);
    await expectClose(call(swapAdapter(one, loaded), ids), two.call(ids));
    expect(call.planCount()).toBe(1);
    await expectClose(call(loaded, ids), two.call(ids));
    expect(call.planCount()).toBe(2);
  });

  test('may be of a lower rank and another scale, and adapt fewer weights', async () => {
    const wide = await place(lora({ rank: 3, alpha: 7 }), 1);
    const narrow = await place(lora({ rank: 1, alpha: 5, useRslora: true }), 2);
    await expectClose(swapAdapter(wide, narrow).call(ids), narrow.call(ids));
    const few = await trainedForm(adapt(model, { '**.query': lora({ rank: 2 }) }, { name: 'few' }));
    await expectClose(swapAdapter(wide, few, { from: 'few' }).call(ids), few.call(ids));
  });

  test('leave other adapters, shares and the given model as they are', async () => {
    const spec = { '**.{query,mlp}': lora({ rank: 2 }), words: lora({ rank: 2 }) };
    const below = await trainedForm(adapt(model, spec), 1);
    const both = setAdapterWeights(
      await trainedForm(adapt(below, { '**.query': lora({ rank: 1 }) }, { name: 'b' }), 8),
      { default: 0.5 },
    );
    const before = both.call(ids);
    const two = await trainedForm(adapt(model, spec), 4);
    const swapped = swapAdapter(both, two);
    await expectClose(
      disable(swapped, 'b').call(ids),
      setAdapterWeights(two, { default: 0.5 }).call(ids),
    );
    await expectClose(disable(swapped, 'default').call(ids), disable(both, 'default').call(ids), 0);
    await expectClose(both.call(ids), before, 0);
  });

  test('of any method fit where the configs agree', async () => {
    const at = (seed: number): Promise<Small> =>
      trainedForm(
        adapt(model, { '**.query': loha({ rank: 2 }), '**.value': hira({ rank: 1 }) }),
        seed,
      );
    const [one, two] = [await at(1), await at(2)];
    await expectClose(swapAdapter(one, two).call(ids), two.call(ids), 0);
  });

  test('are refused where they do not fit', async () => {
    const [narrow, wide] = [await place(lora({ rank: 1 }), 1), await place(lora({ rank: 3 }), 2)];
    expect(() => swapAdapter(narrow, wide)).toThrow(refusal('unsupported', 'no more room'));
    expect(() => swapAdapter(narrow, wide, { from: 'x' })).toThrow(refusal('no-match', "'x'"));
    const query = adapt(model, { '**.query': lora({ rank: 1 }) });
    expect(() => swapAdapter(query, narrow)).toThrow(refusal('no-match', 'only the other adapter'));
    expect(() => swapAdapter(query, adapt(model, { '**.query': c3a({ blockSize: 3 }) }))).toThrow(
      refusal('unsupported', 'does not fit'),
    );
  });
});
