import { join } from 'node:path';
import type { Model } from '@lorikeet/model-zoo';
import { applyUpdates, Context, combine, type Optimizer, partition } from '@lorikeet/nn';
import { isTrainable } from '@lorikeet/peft-lora';
import { type Tensor, tensor, valueAndGrad } from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { expect } from 'vitest';

export type Inputs = Parameters<Model['call']>[0];

/** What PEFT was given and gave: the `io.safetensors` of a folder. */
export async function readIo(dir: string): Promise<ReadonlyMap<string, Tensor>> {
  const file = await openSafetensors(join(dir, 'io.safetensors'));
  const io = new Map<string, Tensor>();
  for (const [key, { shape, dtype }] of file.entries)
    io.set(key, tensor(await file.readAs(key, 'f32'), shape).cast(dtype === 'I32' ? 'i32' : 'f32'));
  await file.close();
  return io;
}

/** The inputs of a model among them. */
export function inputsIn(io: ReadonlyMap<string, Tensor>): Inputs {
  const [input_ids, attention_mask, labels] = ['input_ids', 'attention_mask', 'labels'].map(
    (name) => io.get(`input.${name}`),
  );
  const input_type_mask = io.get('input.input_type_mask');
  if (!input_ids || !attention_mask || !labels) throw new Error('the fixture lacks inputs');
  const inputs = { input_ids, attention_mask, labels };
  return input_type_mask === undefined ? inputs : Object.assign(inputs, { input_type_mask });
}

export async function numbers(leaf: Tensor | undefined): Promise<number[]> {
  if (leaf === undefined) throw new Error('no such tensor');
  return [...(await leaf.data())];
}

/** Within the tolerance of the reference values. */
export function expectClose(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  const scale = Math.max(0.05, ...expected.map(Math.abs));
  for (const [i, value] of expected.entries())
    expect(Math.abs((found[i] ?? NaN) - value)).toBeLessThanOrEqual(
      1e-4 * Math.abs(value) + 2e-5 * scale,
    );
}

/** Takes steps as PEFT took them, whose losses must be those of the fixture. */
export async function expectSteps<T extends Model>(
  tuned: T,
  io: ReadonlyMap<string, Tensor>,
  optimizer: Optimizer,
  onGradient: (gradient: unknown) => Promise<void>,
): Promise<T> {
  const inputs = inputsIn(io);
  const [first, frozen] = partition(tuned, isTrainable);
  let live = first;
  let state = optimizer.init(live);
  for (let step = 0; io.has(`loss.${step}`); step++) {
    const { value, gradient } = valueAndGrad((part: typeof live): Tensor => {
      const { loss } = combine(part, frozen).call(inputs, Context.evaluation);
      if (loss === undefined) throw new Error('no loss');
      return loss;
    })(live);
    if (step === 0) await onGradient(gradient);
    expectClose(await numbers(value), await numbers(io.get(`loss.${step}`)));
    const result = optimizer.update(gradient, state, live);
    live = applyUpdates(live, result.updates);
    state = result.state;
  }
  return combine(live, frozen);
}
