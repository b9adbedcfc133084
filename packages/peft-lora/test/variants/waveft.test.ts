import { Linear, materialize, replaceAt } from '@lorikeet/nn';
import {
  adapt,
  decodeAdapter,
  describe as list,
  type WaveftOptions,
  waveft,
} from '@lorikeet/peft-lora';
import { normal, randomKey, sum, type Tensor, tensor, zeros } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { coif4OfPeft, lowPassFilters } from '../../src/wavelets/lowPassFilters.ts';
import { inverseWavelet, wavelet } from '../../src/wavelets/wavelet.ts';
import { largestResult } from '../largestResult.ts';
import { filesOf, withConfig } from '../peft/files.ts';
import { expectClose, numbers, refusal, trainedForm } from '../support.ts';
import { changeOf, oneLayer, withParameters } from './oneLayer.ts';

describe.each(Object.entries(lowPassFilters))('the wavelets %s', (name, filter) => {
  const shifted = (by: number): number =>
    filter.reduce((total, value, i) => total + value * (filter[i + by] ?? 0), 0);

  test('are orthogonal to those two places further', () => {
    expect(filter.reduce((total, value) => total + value)).toBeCloseTo(Math.SQRT2, 11);
    expect(shifted(0)).toBeCloseTo(1, 10);
    for (let by = 2; by < filter.length; by += 2) expect(shifted(by)).toBeCloseTo(0, 10);
  });

  test('have their vanishing moments', () => {
    const order = Number(/\d+$/.exec(name)?.[0]) * (name.startsWith('coif') ? 2 : 1);
    const backwards = filter.toReversed().map((value, i) => value * (i % 2 === 0 ? 1 : -1));
    for (let power = 0; power < Math.min(order, 5); power++) {
      const moment = backwards.reduce((total, value, i) => total + value * i ** power, 0);
      expect(Math.abs(moment)).toBeLessThan(1e-9 * filter.length ** power);
    }
  });

  test('are put together by the transpose of what takes them apart', async () => {
    const half = filter.length;
    const x = normal(randomKey(1), [2, 2 * half]).cast('f64');
    const y = normal(randomKey(2), [2, half + 2]).cast('f64');
    const both = sum(wavelet(y, filter).mul(x));
    await expectClose(both, sum(inverseWavelet(x, filter).mul(y)), 1e-12);
  });
});

/** The change of a weight of 4 by 5 by four entries. */
async function changeBy(options: WaveftOptions): Promise<Tensor> {
  const model = { part: new Linear(zeros([4, 5]), null) };
  const tuned = adapt(model, { part: waveft({ frequencies: 4, scaling: 1, ...options }) });
  const indices = tensor([0, 0, 3, 2, 0, 4, 1, 4], [2, 4], 'i32');
  const placed = replaceAt(tuned, 'part.weight.frozen.indices', indices);
  return changeOf(model, withParameters(placed, { spectrum: tensor([1, -2, 0.5, 3], [4]) }));
}

// Computed in Python from PEFT's filters, by sums over all pairs of an entry and an element.
const expected = {
  db2: [
    0.033493649, 0.058012702, 2.2342945, -1.3621393, 0.20200318, 0.8080127, 1.3995191, -0.97816469,
    0.43974365, 0.34987976, -0.69975953, -1.2120191, -0.3392627, 0.16237976, 0.09375, 0.40400635,
    0.69975953, 0.19587341, -0.09375, -0.054126588,
  ],
  sym4: [
    0.11156744, 0.07124705, -0.037659216, 0.011245042, 0.22587666, -0.076838288, -0.038927008,
    -0.014625711, 0.011225104, 0.11368187, -0.80310797, -0.49399812, 0.04046158, 0.045412421,
    -0.087120188, 1.3015899, 0.79615662, -0.074321537, -0.034195094, 0.22054864,
  ],
  coif1: [
    0.4221201, -0.87677178, 0.27156351, 0.076251012, 0.16935253, -0.064619089, -0.12783902,
    0.36937804, 0.16218851, 0.049484293, -0.7182598, -0.008159808, 0.78343285, 0.33753066,
    -0.076005911, 1.4257659, 0.78629493, 0.20422796, 0.12085634, -0.031004898,
  ],
} as const;

test.each(Object.entries(expected))('%s puts each entry where PEFT does', async (name, values) => {
  const change = await changeBy({ waveletFamily: name as keyof typeof expected });
  await expectClose(change, tensor(values, [4, 5]), 1e-5);
});

test("coif4 is that of the mathematics, or with compat PEFT's, which is not orthogonal", async () => {
  const square = coif4OfPeft.reduce((total, value) => total + value * value, 0);
  expect(Math.abs(square - 1)).toBeGreaterThan(0.005);
  const [right, peft] = await Promise.all(
    ([{}, { compat: 'peft' }] as const).map(async (more) =>
      numbers(await changeBy({ waveletFamily: 'coif4', scaling: 1000, ...more })),
    ),
  );
  expect([right?.[19], peft?.[19]]).toEqual([
    expect.closeTo(0.42875652, 5),
    expect.closeTo(0.43046704, 5),
  ]);
});

test('entries are shared out by the sizes of the weights', async () => {
  const model = {
    small: oneLayer(2, 3).part,
    large: oneLayer(8, 9).part,
    tiny: oneLayer(1, 1).part,
  };
  const how = waveft({
    frequencies: 10,
    proportionalParameters: true,
    frequencyPattern: { tiny: 5 },
  });
  const tuned = await trainedForm(adapt(model, { '*': how }));
  const counts = list(tuned).rows.map(({ path, parameters }) => [path, parameters]);
  // 30 in all, by 6, 72 and 1 of 79; each has one at least.
  expect(counts).toEqual([
    ['small.weight', 2],
    ['large.weight', 27],
    ['tiny.weight', 1],
  ]);
  const files = await filesOf(tuned);
  expect(files.config).toMatchObject({ n_frequency: 10, proportional_parameters: true });
  const loaded = await decodeAdapter(model, await withConfig(files));
  await expectClose(materialize(loaded.large.weight), materialize(tuned.large.weight), 0);
});

test('no matrix of the size of the weight is made, nor by derivatives', () => {
  for (const waveletFamily of ['db1', 'db4'] as const) {
    const { part } = adapt(oneLayer(192, 240), {
      part: waveft({ frequencies: 50, waveletFamily }),
    });
    expect(largestResult(part, zeros([2, 240]))).toBeLessThan(192 * 240);
  }
});

test('what PEFT refuses, or fails on, is refused', () => {
  const other = { waveletFamily: 'bior2.2' } as unknown as WaveftOptions;
  expect(() => waveft(other)).toThrow(refusal('invalid-config', 'waveletFamily'));
  expect(() => waveft({ frequencies: 0 })).toThrow(refusal('invalid-config', 'frequencies'));
  const many = waveft({ frequencies: 7 });
  const model = { small: oneLayer(2, 3).part, large: oneLayer(8, 9).part };
  expect(() => adapt(model, { '*': many })).toThrow(refusal('unsupported', '7 frequencies'));
  const shared = waveft({ frequencies: 7, proportionalParameters: true });
  expect(list(adapt(model, { '*': shared })).trainable).toBe(14);
});
