import { readFileSync } from 'node:fs';
import {
  at,
  Context,
  combine,
  Linear,
  materialize,
  partition,
  paths,
  type Weight,
} from '@lorikeet/nn';
import { encodeAdapter, isTrainable, merge } from '@lorikeet/peft-lora';
import { grad, normal, randomKey, Tensor, tanh } from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { expect } from 'vitest';
import { goldenPath, readAll } from '../peft/goldenModel.ts';
import { expectClose, numbers } from '../support.ts';

type Values = ReadonlyMap<string, Tensor>;

/** The model of `golden/stack/stackModel.py`. */
export class Stack {
  readonly stack: { readonly layers: readonly Readonly<Record<'q' | 'v' | 'o', Linear>>[] };

  constructor(values: Values) {
    const line = (path: string): Linear => {
      const weight = values.get(`model.stack.layers.${path}.weight`);
      if (weight === undefined) throw new Error(`there is no weight of ${path}`);
      return new Linear(weight, values.get(`model.stack.layers.${path}.bias`) ?? null);
    };
    const layers = [0, 1, 2].map((i) => ({
      q: line(`${i}.q`),
      v: line(`${i}.v`),
      o: line(`${i}.o`),
    }));
    this.stack = { layers };
  }

  call(x: Tensor, context: Context = Context.evaluation): Tensor {
    return this.stack.layers.reduce((state, { q, v, o }) => {
      const mixed = tanh(q.call(state, context)).mul(v.call(state, context));
      return state.add(o.call(mixed, context));
    }, x);
  }
}

/** What PEFT gave, and where its files are. */
export async function reference(
  name: string,
): Promise<{ dir: string; io: Values; value(key: string): Tensor }> {
  const dir = goldenPath('stack', name);
  const file = await openSafetensors(`${dir}/io.safetensors`);
  const io = await readAll(file);
  await file.close();
  const value = (key: string): Tensor => {
    const found = io.get(key);
    if (found === undefined) throw new Error(`the reference has no ${key}`);
    return found;
  };
  return { dir, io, value };
}

/** Without biases. */
export function randomStack(): Stack {
  return new Stack(
    new Map(
      [0, 1, 2].flatMap((i) =>
        Object.entries({ q: [3, 4], v: [3, 4], o: [4, 3] }).map(([name, sides], j) => [
          `model.stack.layers.${i}.${name}.weight`,
          normal(randomKey(10 * i + j), sides),
        ]),
      ),
    ),
  );
}

/** Requires the config and the tensors that are in a folder, bit by bit. */
export async function expectFiles(tuned: unknown, dir: string, name?: string): Promise<void> {
  const { config, tensors } = encodeAdapter(tuned, name === undefined ? {} : { name });
  expect(config).toEqual(JSON.parse(readFileSync(`${dir}/adapter_config.json`, 'utf8')));
  const file = await openSafetensors(`${dir}/adapter_model.safetensors`);
  const expected = await readAll(file);
  await file.close();
  expect([...tensors.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [key, leaf] of tensors)
    expect(await numbers(leaf)).toEqual(await numbers(expected.get(key) ?? leaf));
}

/** Requires the merged weights and biases of the reference. */
export async function expectMerged(tuned: Stack, io: Values): Promise<void> {
  const merged = merge(tuned);
  for (const [key, expected] of io) {
    if (!key.startsWith('merged.')) continue;
    const found = at(merged, key.slice('merged.'.length));
    await expectClose(found instanceof Tensor ? found : materialize(found as Weight), expected);
  }
}

/** The derivatives of the reference's loss by what trains, with their paths. */
export function slopesOf(tuned: Stack, value: (key: string) => Tensor): [string, Tensor][] {
  const [live, frozen] = partition(tuned, isTrainable);
  return paths(
    grad((part: typeof live) => combine(part, frozen).call(value('x')).mul(value('weights')).sum())(
      live,
    ),
  );
}
