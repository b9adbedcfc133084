import { Context } from '@lorikeet/nn';
import { adapt, decodeAdapter, pvera } from '@lorikeet/peft-lora';
import { ones, randomKey, tensor, zeros } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { largestResult } from '../largestResult.ts';
import { filesOf, withConfig } from '../peft/files.ts';
import { numbers, refusal, trainedForm } from '../support.ts';
import { oneLayer, withParameters } from './oneLayer.ts';

const model = oneLayer(4, 3);

test('training draws each feature around its mean, as far as its variance says', async () => {
  const tuned = adapt(model, { part: pvera({ rank: 1 }) });
  const x = ones([4000, 3]);
  const outputs = (lambdaD: number[], context: Context): Promise<number[]> => {
    const parameters = { lambdaB: tensor([1, 0, 0, 0], [4]), lambdaD: tensor(lambdaD, [2]) };
    const y = withParameters(tuned, parameters).part.call(x, context);
    return numbers(y.sub(model.part.call(x, Context.evaluation)));
  };
  const column = (values: number[]): number[] => values.filter((_, i) => i % 4 === 0);
  const [mean = 0] = await outputs([1, 0], Context.evaluation);
  const drawn = column(await outputs([1, 0], Context.training(randomKey(2))));
  const average = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
  const spread = Math.sqrt(drawn.reduce((sum, v) => sum + (v - average) ** 2, 0) / drawn.length);
  // The variance is 1 where its logarithm is 0, and the feature goes out by the one number of B.
  const widths = column(await outputs([0, 0], Context.training(randomKey(2))));
  const width = Math.sqrt(widths.reduce((sum, value) => sum + value * value, 0) / widths.length);
  expect(Math.abs(average - mean)).toBeLessThan(5 * (spread / Math.sqrt(drawn.length)));
  expect(spread / width).toBeCloseTo(1, 1);
  expect(new Set(column(await outputs([1, 0], Context.evaluation))).size).toBe(1);
});

test('no matrix of the size of the weight is made, nor by derivatives', () => {
  const { part } = adapt(oneLayer(192, 240), { part: pvera({ rank: 4 }) });
  expect(largestResult(part, zeros([2, 240]))).toBeLessThan(192 * 240);
});

test('what is drawn in evaluation is refused, and what PEFT refuses', async () => {
  const files = await filesOf(await trainedForm(adapt(model, { part: pvera({ rank: 2 }) })));
  const shapes = [...files.entries].map(([key, { shape }]) => [key, shape]);
  expect(shapes).toContainEqual(['base_model.pvera_A', [4, 3]]);
  expect(shapes).toContainEqual(['base_model.model.part.pvera_lambda_d', [4]]);
  const sampling = await withConfig(files, { sample_at_inference: true });
  await expect(decodeAdapter(model, sampling)).rejects.toThrow(
    refusal('unsupported', 'sample_at_inference'),
  );
  expect(() => pvera({ rank: 0 })).toThrow(refusal('invalid-config', 'rank'));
});
