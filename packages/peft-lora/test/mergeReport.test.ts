import { at, Quantized, quantizeWeights } from '@lorikeet/nn';
import { adapt, loha, lora, merge, setAdapterWeights } from '@lorikeet/peft-lora';
import { cast, mapTensors, normal, randomKey, type Tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, ids, numbers, refusal, Small, trainedForm } from './support.ts';

const model = new Small();
const spec = {
  '**.{query,mlp}': lora({ rank: 2, alpha: 5 }),
  words: lora({ rank: 1 }),
  line: lora({ rank: 2 }),
};
const trained = trainedForm(adapt(model, spec));
const inDType = <T>(tree: T, dtype: 'f16' | 'bf16'): T =>
  mapTensors(tree, (leaf) => (leaf.dtype === 'f32' ? cast(leaf, dtype) : leaf));

describe('a report', () => {
  test('has a row for each merged weight, and the model that merging gives', async () => {
    const tuned = await trained;
    const { model: merged, report } = await merge(tuned, { report: true, safe: true });
    await expectClose(merged.call(ids), merge(tuned).call(ids), 0);
    expect(report.rows.map(({ path }) => path)).toEqual([
      'words.weight',
      ...[0, 1].flatMap((i) => ['query', 'mlp'].map((name) => `encoder.layer.${i}.${name}.weight`)),
      'line.weight',
    ]);
    for (const { largest, bound, relative, isWithinBound } of report.rows) {
      expect(isWithinBound).toBe(true);
      expect(bound).toBeGreaterThan(largest);
      expect(bound).toBeLessThan(1e-4);
      expect(relative).toBeLessThan(1e-6);
    }
    expect(String(report)).toMatch(
      /^weight +dtype +within bound +largest +bound +relative +ulps\n/,
    );
  });

  test.each(['f16', 'bf16'] as const)(
    'of %s shows one rounding: never more than half a step and what f32 loses',
    async (dtype) => {
      const { model: merged, report } = await merge(inDType(await trained, dtype), {
        report: true,
      });
      expect((at(merged, 'words.weight') as Tensor).dtype).toBe(dtype);
      for (const { ulps, isWithinBound } of report.rows) {
        expect(isWithinBound).toBe(true);
        expect(ulps).toBeLessThan(0.51);
        expect(ulps).toBeGreaterThan(0.25);
      }
    },
  );

  test('of several adapters with shares, and of what is no low-rank product, keeps its bound', async () => {
    const two = await trainedForm(
      adapt(
        await trained,
        { '**.query': lora({ rank: 3 }), '**.value': loha({ rank: 2 }) },
        { name: 'b' },
      ),
      8,
    );
    const { report } = await merge(setAdapterWeights(two, { default: -2.5, b: 0.3 }), {
      report: true,
    });
    expect(report.rows.every(({ isWithinBound }) => isWithinBound)).toBe(true);
    expect(report.rows).toHaveLength(8);
  });

  test('tells a weight that is not what it should be', async () => {
    // Overflow of f16: 65504 is its largest number.
    const huge = mapTensors(await trained, (leaf, path) =>
      path.includes('words') ? leaf.mul(1e5) : leaf,
    );
    const { report } = await merge(huge, { dtype: 'f16', report: true });
    expect(report.rows.map(({ isWithinBound }) => isWithinBound)).toEqual([
      false,
      true,
      true,
      true,
      true,
      true,
    ]);
    expect(String(report)).toContain('NO');
    await expect(merge(huge, { dtype: 'f16', report: true, safe: true })).rejects.toThrow(
      refusal('not-finite', 'words.weight'),
    );
  });
});

describe('merging into a quantised base', () => {
  const quantised = quantizeWeights(model, {
    '**.query': { dtype: 'u4', blockSize: 4, symmetric: false },
    '**.{mlp,out}': { dtype: 'i8', blockSize: 3 },
    words: { dtype: 'i4', blockSize: 8 },
  });

  test('again quantised is stored as the base was, within half a step of each element', async () => {
    const tuned = await trainedForm(
      adapt(quantised, { '**.{query,mlp}': lora({ rank: 2 }), words: lora({ rank: 1 }) }),
    );
    const { model: merged, report } = await merge(tuned, { quantised: 'requantise', report: true });
    for (const path of [
      'words.weight',
      'encoder.layer.0.query.weight',
      'encoder.layer.1.mlp.weight',
    ]) {
      const [before, after] = [at(quantised, path), at(merged, path)];
      if (!(before instanceof Quantized && after instanceof Quantized))
        throw new Error(`${path} is plain`);
      expect([
        after.weight.dtype,
        after.blockSize,
        after.inputAxis,
        after.zeroPoints === null,
      ]).toEqual([
        before.weight.dtype,
        before.blockSize,
        before.inputAxis,
        before.zeroPoints === null,
      ]);
    }
    expect(
      report.rows.every(({ isWithinBound, isQuantised }) => isWithinBound && isQuantised),
    ).toBe(true);
    // The bound is no mere guess from far above: some element comes near to half a step.
    expect(report.rows.every(({ largest, bound }) => largest > bound / 3)).toBe(true);
    expect(String(report)).toMatch(/words\.weight +quantised f32 +yes/);
    const untouched = 'encoder.layer.0.out.weight.weight';
    expect(at(merged, untouched)).toBe(at(quantised, untouched));
    await expectClose(merged.call(ids), merge(tuned).call(ids), 0.5);
  });

  test('as a plain tensor loses no step', async () => {
    const tuned = await trainedForm(adapt(quantised, { '**.query': lora({ rank: 2 }) }));
    const { report } = await merge(tuned, { report: true });
    expect(
      report.rows.every(
        ({ isWithinBound, isQuantised, largest }) =>
          isWithinBound && !isQuantised && largest < 1e-5,
      ),
    ).toBe(true);
  });

  test('bounds the error of any weight', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const weight = normal(randomKey(seed), [5, 11], 0, 10 ** (seed % 5));
      const stored = Quantized.of(
        weight,
        { inputAxis: (seed % 2) as 0 | 1 },
        {
          dtype: (['i8', 'u4', 'i4', 'u8'] as const)[seed % 4] ?? 'i8',
          blockSize: 1 + (seed % 6),
          symmetric: seed % 3 > 0,
        },
      );
      const [errors, bounds, sizes] = await Promise.all(
        [stored.materialize().sub(weight), stored.errorBound(), weight].map(numbers),
      );
      errors?.forEach((error, i) => {
        expect(Math.abs(error)).toBeLessThanOrEqual(
          (bounds?.[i] ?? 0) + 4e-7 * Math.abs(sizes?.[i] ?? 0),
        );
      });
    }
  });
});
