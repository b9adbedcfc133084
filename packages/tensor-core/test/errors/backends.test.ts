import * as core from '@lorikeet/tensor-core';
import { add, tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { textsOf } from './texts.ts';

const two = tensor([1, 2]);

test('tensors of one backend on another', async () => {
  const there = core.exp(two);
  core.realize(there);
  const before = core.useBackend({ ...core.createReferenceBackend(), name: 'other' });
  try {
    expect(await textsOf([() => add(there, 1).data()])).toMatchInlineSnapshot(`
      "[tensor-not-concrete] a tensor of reference is used on other
        hint:     read it with \`await t.data()\` and make a new tensor, or keep to one backend"
    `);
  } finally {
    core.useBackend(before);
  }
});

test('backends that cannot run', async () => {
  const provider: core.BackendProvider = {
    name: 'gpu',
    rank: 1,
    probe: async () => ({ available: false, reason: 'there is no adapter' }),
    create: async () => core.createReferenceBackend(),
  };
  expect(
    await textsOf([
      () => core.selectBackend([provider]),
      () => core.selectBackend([provider], 'gpu'),
      () => core.selectBackend([provider], 'quantum'),
    ]),
  ).toMatchInlineSnapshot(`
    "[backend-unavailable] no backend can run here
      expected: one of gpu
      received: gpu: there is no adapter
      hint:     run \`lorikeet doctor\` to see which backends there are
    [backend-unavailable] the backend 'gpu' cannot be used
      expected: one of gpu
      received: gpu: there is no adapter
      hint:     run \`lorikeet doctor\` to see which backends there are
    [backend-unavailable] the backend 'quantum' cannot be used
      expected: one of gpu
      received: quantum
      hint:     run \`lorikeet doctor\` to see which backends there are"
  `);
});
