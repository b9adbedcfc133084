import { Context, Convolution, combine, partition, paths } from '@lorikeet/nn';
import {
  adapt,
  adapterEntries,
  decodeAdapter,
  dora,
  encodeAdapter,
  isTrainable,
  lora,
  merge,
  riemannian,
} from '@lorikeet/peft-lora';
import { conv, grad, normal, randomKey, type Tensor, zeros } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { filesOf, withConfig } from './peft/files.ts';
import { expectClose, fileOf, numbers, refusal, trainedForm } from './support.ts';

// LoRA on convolutions with groups, whose channels see only those of their own group.

const geometry = { groups: 2, stride: 2, padding: 2, dilation: 2 } as const;
const model = {
  line: new Convolution(normal(randomKey(1), [6, 2, 3]), normal(randomKey(2), [6]), geometry),
};
const x = normal(randomKey(3), [2, 4, 9]);
const how = lora({ rank: 4, alpha: 6 });

const outputOf = ({ line }: typeof model): Tensor => line.call(x, Context.evaluation);

/** As PEFT computes it: A looks at all channels, and B is a 1 x 1 convolution with the groups of the base. */
function asPeft(A: Tensor, B: Tensor, options: object = geometry): Tensor {
  const low = conv(x, A, { ...options, groups: 1 });
  return outputOf(model).add(conv(low, B, { groups: 2 }).mul(6 / 4));
}

test('what is saved computes in PEFT what it computes here', async () => {
  const tuned = await trainedForm(adapt(model, { line: how }));
  const { tensors } = encodeAdapter(tuned);
  const [A, B] = ['A', 'B'].map((name) => tensors.get(`base_model.model.line.lora_${name}.weight`));
  if (A === undefined || B === undefined) throw new Error('not saved');
  expect([A.shape, B.shape]).toEqual([
    [4, 4, 3],
    [6, 2, 1],
  ]);
  await expectClose(outputOf(tuned), asPeft(A, B));
  const loaded = await decodeAdapter(model, await withConfig(await filesOf(tuned)));
  await expectClose(outputOf(loaded), outputOf(tuned), 0);
  expect(paths(loaded).map(([, leaf]) => leaf.shape)).toEqual(
    paths(tuned).map(([, leaf]) => leaf.shape),
  );
});

test('it merges, where PEFT does not, with the dilation of the base, which PEFT forgets', async () => {
  for (const method of [how, dora({ rank: 4 })]) {
    const tuned = await trainedForm(adapt(model, { line: method }));
    const merged = merge(tuned);
    expect(merged.line.weight).toMatchObject({ shape: [6, 2, 3] });
    await expectClose(outputOf(merged), outputOf(tuned));
    await expect(expectClose(outputOf(model), outputOf(tuned))).rejects.toThrow();
  }
});

test('an adapter that PEFT trained leads across groups: it computes the same, and has no merged weight', async () => {
  const { config, entries } = await filesOf(adapt(model, { line: how }));
  const [A, B] = [normal(randomKey(8), [4, 4, 3]), normal(randomKey(9), [6, 2, 1])];
  const trained = await adapterEntries(
    new Map([
      ['base_model.model.line.lora_A.weight', A],
      ['base_model.model.line.lora_B.weight', B],
    ]),
  );
  expect([...trained.keys()]).toEqual([...entries.keys()]);
  const loaded = await decodeAdapter(model, { config, tensors: await fileOf(trained) });
  await expectClose(outputOf(loaded), asPeft(A, B));
  expect(() => merge(loaded)).toThrow(refusal('unsupported', 'across its groups'));
  const [live, frozen] = partition(loaded, isTrainable);
  const slopes = grad((part: typeof live) => outputOf(combine(part, frozen)).sum())(live);
  for (const [, slope] of paths(slopes)) expect((await numbers(slope)).some(Boolean)).toBe(true);
  const again = encodeAdapter(loaded).tensors.get('base_model.model.line.lora_A.weight');
  await expectClose(again ?? zeros([0]), A, 0);
});

test('a rank that the groups do not divide is refused, as is an optimiser for one product', () => {
  expect(() => adapt(model, { line: lora({ rank: 3 }) })).toThrow(
    refusal('unsupported', 'multiple of the 2 groups'),
  );
  const [live] = partition(adapt(model, { line: how }), isTrainable);
  const optimizer = riemannian({
    init: () => null,
    update: (updates) => ({ updates, state: null }),
  });
  expect(() => optimizer.update(live, optimizer.init(live), live)).toThrow(
    refusal('unsupported', 'groups'),
  );
});
