import { requireClose } from '@lorikeet/laws';
import { createNodeBackend } from '@lorikeet/onnx/node';
import { createReferenceBackend, type QuantizeOptions } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { loraSlopes } from './loraSlopes.ts';

test.each<QuantizeOptions>([
  { dtype: 'u4', blockSize: 16, symmetric: false },
  { dtype: 'i4', blockSize: 32 },
  { dtype: 'i8', blockSize: 16 },
  { dtype: 'u8', blockSize: 12, symmetric: false },
])('LoRA on a BERT in $dtype has the gradients of the reference', async (options) => {
  const expected = await loraSlopes(createReferenceBackend(), options);
  const slopes = await loraSlopes(createNodeBackend({ threads: 1, hostWork: 0 }), options);
  expect([...slopes.keys()]).toEqual([...expected.keys()]);
  expect(slopes.size).toBeGreaterThan(10);
  for (const [path, slope] of slopes) requireClose(path, slope, expected.get(path) ?? [], 1e-5);
});
