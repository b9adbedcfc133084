import { readFile } from 'node:fs/promises';
import { Context, Conv1d, Conv2d, GroupNorm, RMSNorm } from '@lorikeet/nn';
import { type Tensor, tensor } from '@lorikeet/tensor-core';
import { bytesSource, readSafetensors } from '@lorikeet/tensor-core/safetensors';
import { expect, test } from 'vitest';
import { expectClose, numbers } from './support.ts';

// Made with PyTorch 2.13.0.
const bytes = await readFile(new URL('golden/layers.safetensors', import.meta.url));
const file = await readSafetensors(bytesSource(new Uint8Array(bytes)));

async function read(name: string): Promise<Tensor> {
  return tensor(await file.readAs(name, 'f32'), file.entries.get(name)?.shape, 'f32');
}

const context = Context.evaluation;
const cases: readonly (readonly [
  name: string,
  make: (weight: Tensor, bias: Tensor) => { call(x: Tensor, context: Context): Tensor },
])[] = [
  [
    'conv1d_s1_p2_d2_g2',
    (weight, bias) => new Conv1d(weight, bias, { padding: 2, dilation: 2, groups: 2 }),
  ],
  [
    'conv2d_1_2_2_1_1_2',
    (weight, bias) => new Conv2d(weight, bias, { stride: [1, 2], padding: [2, 1], groups: 2 }),
  ],
  ['rms_norm', (weight) => new RMSNorm(weight, 1e-6)],
  ['group_norm', (weight, bias) => new GroupNorm(weight, bias, 2, 1e-5)],
];

test.each(cases)('%s is what PyTorch gives', async (name, make) => {
  const weight = await read(`${name}.in.w`);
  const bias = file.entries.has(`${name}.in.b`) ? await read(`${name}.in.b`) : weight;
  const y = make(weight, bias).call(await read(`${name}.in.x`), context);
  const expected = await read(`${name}.out.0`);
  expect(y.shape).toEqual(expected.shape);
  expectClose(await numbers(y), await numbers(expected), 2e-6);
});
