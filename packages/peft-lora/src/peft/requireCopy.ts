import { LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import type { TensorSource } from './matchTensors.ts';

/** What a file repeats, of the base or of the adapter itself, must be the same. Throws `unexpected-tensor`. */
export async function requireCopy(
  source: TensorSource,
  key: string,
  weight: Tensor,
  what: string,
): Promise<void> {
  const [expected, got] = [
    await weight.data(),
    await source.readAs(key, weight.dtype === 'f64' ? 'f64' : 'f32'),
  ];
  if (expected.every((value, i) => Object.is(value, got[i]))) return;
  throw new LorikeetError('unexpected-tensor', `the adapter ${what} with other values`, {
    path: `${source.name}: ${key}`,
    hint: 'load the base model that the adapter was trained on, with its added tokens',
  });
}
