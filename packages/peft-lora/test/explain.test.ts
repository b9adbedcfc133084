import { paths } from '@lorikeet/nn';
import {
  adapt,
  adapterEntries,
  describe as describeAdapters,
  encodeAdapter,
  explain,
  hiraVariant,
  loha,
  lora,
  method,
  train,
  type Variant,
} from '@lorikeet/peft-lora';
import type { Tensor } from '@lorikeet/tensor-core';
import { encodeSafetensors } from '@lorikeet/tensor-core/safetensors';
import { describe, expect, test } from 'vitest';
import { ids, refusal, Small } from './support.ts';

const model = new Small();
const spec = {
  '**.{query,mlp}': lora({ rank: 3, rankPattern: { '0.mlp': 2 } }),
  words: lora({ rank: 1 }),
  classifier: train(),
} as const;

describe('a plan', () => {
  test('tells modules, shapes, ranks, counts and the size of the file, as adapt then makes them', async () => {
    const plan = explain(model, { '**.{query,mlp}': spec['**.{query,mlp}'], classifier: train() });
    const tuned = adapt(model, { '**.{query,mlp}': spec['**.{query,mlp}'], classifier: train() });
    const made = describeAdapters(tuned);
    expect(plan.rows.map(({ kind: _, rank: __, ...row }) => row)).toEqual(made.rows);
    expect(plan.rows.map(({ kind, rank }) => [kind, rank])).toEqual([
      ['linear', 3],
      ['linear', 2],
      ['linear', 3],
      ['linear', 3],
      ['whole', null],
      ['whole', null],
    ]);
    expect([plan.trainable, plan.total]).toEqual([made.trainable, made.total]);
    const bytes = encodeSafetensors(await adapterEntries(encodeAdapter(tuned).tensors), [
      ['format', 'pt'],
    ]);
    expect(plan.fileBytes).toBe(bytes.length);
    expect(plan.bytes).toBe(4 * made.trainable);
  });

  test('tells what a step takes', () => {
    const loss = (tree: Small): Tensor => tree.call(ids).sum();
    const [small, large] = [2, 4].map((rank) =>
      explain(model, { '**.query': lora({ rank }) }, { loss }),
    );
    if (small === undefined || large === undefined) throw new Error('two plans');
    const own = paths(model).reduce((sum, [, leaf]) => sum + 4 * leaf.size, 0);
    expect(small.step).toMatchObject({
      weights: own + small.bytes,
      gradients: small.bytes,
      optimizer: 2 * small.bytes,
    });
    expect(large.step.gradients).toBe(2 * small.step.gradients);
    expect(small.step.intermediates).toBeGreaterThan(ids.size * 6 * 4);
    expect(large.step.intermediates).toBeGreaterThan(small.step.intermediates ?? Infinity);
    expect(explain(model, { '**.query': lora() }, { optimizerSlots: 1 }).step).toMatchObject({
      intermediates: null,
      optimizer: explain(model, { '**.query': lora() }).bytes,
    });
  });

  test('computes nothing', () => {
    const watched: Variant = {
      ...(hiraVariant as Variant),
      materialize: () => {
        throw new Error('computed');
      },
    };
    expect(explain(model, { '**.query': method(watched) }).trainable).toBeGreaterThan(0);
  });

  test('of what PEFT cannot hold has no file', () => {
    const plan = explain(model, { '**.query': lora(), '**.value': loha() });
    expect(plan.fileBytes).toBeNull();
    expect(String(plan)).toContain('not in the format of PEFT');
  });

  test('is a table for people', () => {
    const lines = String(explain(model, spec)).split('\n');
    expect(lines[0]).toMatch(/^weight +method +kind +shape +rank +parameters +bytes$/);
    expect(lines[1]).toMatch(/^words\.weight +lora +embedding +\[7,6\] +1 +13 +52$/);
    expect(lines.at(-2)).toMatch(/^file: \d+ bytes$/);
    expect(lines.at(-1)).toMatch(/^a step: weights \d+, gradients \d+, optimiser \d+ bytes$/);
  });

  test('refuses a list of which one thing matches nothing, with the nearest names', () => {
    expect(() => explain(model, { '**.{query,vlaue}': lora() })).toThrow(
      refusal('no-match', "'vlaue' in the selector"),
    );
    expect(() => explain(model, { '**.{query,vlaue}': lora() })).toThrow(/did you mean '.*value/);
    expect(() => explain(model, { '**.query': lora({ layers: [1, 5] }) })).toThrow(
      refusal('no-match', 'lies in layer 5'),
    );
    expect(() => explain(model, { '**.query': lora(), clasifier: train() })).toThrow(
      /did you mean 'classifier/,
    );
  });
});
