import { Context, Conv1D, Linear, Quantized } from '@lorikeet/nn';
import { encodeAdapter, type LoftqOptions, loftq, merge } from '@lorikeet/peft-lora';
import {
  foldIn,
  normal,
  randomKey,
  singularValues,
  square,
  type Tensor,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, numbers, refusal } from '../support.ts';

const random = (label: string, shape: readonly number[]): Tensor =>
  normal(foldIn(randomKey(5), label), shape);
const options: LoftqOptions = { rank: 3, alpha: 12, quantize: { dtype: 'u4', blockSize: 8 } };

describe.each(['linear', 'conv1D'] as const)('LoftQ on a %s layer', (kind) => {
  const matrix = kind === 'linear' ? random('weight', [12, 16]) : random('weight', [16, 12]);
  const layer =
    kind === 'linear' ? new Linear(matrix, null) : new Conv1D(matrix, random('b', [12]));
  const model = { layer };
  const inputAxis = kind === 'linear' ? 1 : 0;
  const distance = async (weight: Tensor): Promise<number> =>
    Math.sqrt(await square(weight.sub(matrix)).sum().item());
  const missed = async (changes: Partial<LoftqOptions>): Promise<number> =>
    distance(
      merge(await loftq(model, ['layer'], { ...options, ...changes })).layer.weight as Tensor,
    );

  test('misses the weight by what the largest singular values leave of the error', async () => {
    const whole = Quantized.of(matrix, { inputAxis }, options.quantize).materialize();
    const values = await numbers(singularValues(matrix.sub(whole)));
    const tail = Math.sqrt(values.slice(3).reduce((sum, value) => sum + value ** 2, 0));
    expect(await missed({})).toBeCloseTo(tail, 4);
    expect(await missed({})).toBeLessThan(0.9 * (await distance(whole)));
  });

  test('comes nearer with more iterations', async () => {
    expect(await missed({ iterations: 5 })).toBeLessThan(await missed({}));
  });

  test("is PEFT's with compat, which forgets the scaling", async () => {
    const [right, wrong] = [await missed({}), await missed({ compat: 'peft' })];
    expect(wrong).toBeGreaterThan(1.5 * right);
    const unscaled = { alpha: 3 };
    expect(await missed({ ...unscaled, compat: 'peft' })).toBeCloseTo(await missed(unscaled), 5);
  });

  test('is a quantised base with plain LoRA', async () => {
    const tuned = await loftq(model, ['layer'], options);
    expect(encodeAdapter(tuned).config).toMatchObject({ init_lora_weights: true, r: 3 });
    const x = random('x', [2, 16]);
    const outputs = tuned.layer.call(x, Context.evaluation);
    await expectClose(merge(tuned).layer.call(x, Context.evaluation), outputs);
  });
});

test('LoftQ refuses DoRA and what is no linear layer', async () => {
  const model = { layer: new Linear(random('weight', [12, 16]), null) };
  await expect(loftq(model, ['layer'], { ...options, useDora: true })).rejects.toThrow(
    refusal('unsupported', 'DoRA'),
  );
  await expect(loftq(model, ['layer.weight'], options)).rejects.toThrow(
    refusal('unsupported', 'linear layers'),
  );
});
