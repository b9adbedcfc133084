import { adapt, convertToLora, unilora } from '@lorikeet/peft-lora';
import { zeros } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { Pcg64 } from '../../src/numpy/pcg64.ts';
import { largestResult } from '../largestResult.ts';
import { filesOf } from '../peft/files.ts';
import { expectClose, numbers, refusal, trainedForm } from '../support.ts';
import { changeOf, oneLayer, tensorOf } from './oneLayer.ts';

describe("NumPy's generator", () => {
  // Printed by NumPy 2.4.
  const printed = [
    [0, '11749869230777074271', [1, 0, 4, 8, 5, 9, 11], [2, 9, 3, 6, 0, 4, 8, 7, 5, 1], 17012],
    [42, '14276969152011380360', [19, 16, 7, 10, 1, 11, 17], [4, 9, 2, 7, 5, 1, 6, 8, 3, 0], 1785],
    [
      5e9,
      '13612822108948717442',
      [16, 11, 18, 19, 17, 15, 8],
      [6, 3, 4, 0, 1, 5, 7, 9, 2, 8],
      11443,
    ],
  ] as const;

  test.each(printed)(
    'gives for the seed %d what NumPy prints',
    (seed, word, chosen, shuffled, last) => {
      const raw = new Pcg64(seed);
      const [low, high] = [BigInt(raw.bits()), BigInt(raw.bits())];
      expect(String(low | (high << 32n))).toBe(word);
      const generator = new Pcg64(seed);
      expect([...generator.choose(20, 7)]).toEqual(chosen);
      const order = Int32Array.from({ length: 10 }, (_, i) => i);
      generator.shuffle(order);
      expect([...order]).toEqual(shuffled);
      expect(new Pcg64(seed).choose(20_000, 1000).at(-1)).toBe(last);
    },
  );
});

test('each element of the factors is the number that PEFT puts there', async () => {
  const model = { first: oneLayer(3, 2).part, second: oneLayer(2, 4).part };
  const how = unilora({ rank: 2, vectorLength: 5, projectionSeed: 7 });
  const tuned = adapt(model, { '{first,second}': how });
  // Printed by NumPy for the code of PEFT: A and B of the first place, then those of the second.
  const printed = [4, 1, 4, 0, 3, 3, 2, 0, 3, 4, 2, 1, 0, 2, 3, 3, 1, 4, 1, 2, 4, 0];
  const entries = await Promise.all(
    [tuned.first, tuned.second].flatMap((part) =>
      ['indicesA', 'indicesB'].map((name) => numbers(tensorOf({ part }, `frozen.${name}`))),
    ),
  );
  expect(entries.flat()).toEqual(printed);
  const counts = [4, 4, 4, 5, 5];
  const scales = await numbers(tensorOf({ part: tuned.first }, 'frozen.scalesA'));
  expect(scales).toEqual(
    [4, 1, 4, 0].map((entry) => Math.fround(1 / Math.sqrt(counts[entry] ?? 0))),
  );
});

test("files have PEFT's keys, with the indices or without", async () => {
  const keysOf = async (saveIndices: boolean): Promise<string[]> => {
    const tuned = adapt(oneLayer(3, 2), { part: unilora({ saveIndices }) });
    return [...(await filesOf(tuned)).entries.keys()].sort();
  };
  expect(await keysOf(false)).toEqual(['base_model.unilora_theta_d']);
  const own = ['indices_A', 'indices_B', 'scales_A', 'scales_B'];
  expect(await keysOf(true)).toEqual([
    ...own.map((name) => `base_model.model.part.unilora_${name}`),
    'base_model.unilora_theta_d',
  ]);
});

test('no matrix of the size of the weight is made, and as LoRA it is the same', async () => {
  const model = oneLayer(192, 240);
  const tuned = await trainedForm(adapt(model, { part: unilora() }));
  expect(largestResult(tuned.part, zeros([2, 240]))).toBeLessThan(192 * 240);
  await expectClose(changeOf(model, convertToLora(tuned)), changeOf(model, tuned), 1e-5);
});

test('what PEFT refuses is refused, with the reason', () => {
  expect(() => unilora({ rank: 0 })).toThrow(refusal('invalid-config', 'rank'));
  expect(() => unilora({ vectorLength: 0 })).toThrow(refusal('invalid-config', 'vectorLength'));
  expect(() => unilora({ initBound: 0 })).toThrow(refusal('invalid-config', 'initBound'));
  expect(() => unilora({ dropout: -0.1 })).toThrow(refusal('invalid-config', 'dropout'));
});
