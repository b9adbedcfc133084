import { LorikeetError } from '../../errors.ts';
import { type Tensor, tensor } from '../../tensor.ts';
import { reshape } from '../movement/reshape.ts';
import { sliceAxis } from '../movement/slice.ts';
import { randomBits } from './randomBits.ts';

/** Streams of a key that make keys; numbers that users see come from stream 0. */
const splitStream = 1;
const foldStream = 2;

/** A key (u32[2]) from a seed, a whole number from 0 to 2^53 - 1. Equal seeds give equal numbers everywhere. */
export function randomKey(seed: number): Tensor {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new LorikeetError('invalid-argument', `randomKey: ${seed} is no seed`, {
      expected: 'a whole number from 0 to 2^53 - 1',
      received: String(seed),
    });
  }
  return tensor(new Uint32Array([Math.floor(seed / 2 ** 32), seed >>> 0]), [2], 'u32');
}

/** `count` independent keys from one. The key itself should not be used afterwards. */
export function split(key: Tensor, count = 2): Tensor[] {
  const words = randomBits(key, [count, 2], splitStream);
  return Array.from({ length: count }, (_, i) => reshape(sliceAxis(words, 0, i, 1), [2]));
}

/** A key for one use out of many, told apart by `label`: a whole number such as a layer's, or a name. */
export function foldIn(key: Tensor, label: number | string): Tensor {
  if (typeof label === 'number' && !(Number.isInteger(label) && label >= 0 && label < 2 ** 31)) {
    throw new LorikeetError('invalid-argument', `foldIn: ${label} is no label`, {
      expected: 'a name, or a whole number from 0 to 2^31 - 1',
      received: String(label),
    });
  }
  return randomBits(key, [2], foldStream + (typeof label === 'string' ? hashName(label) : label));
}

/** FNV-1a, kept clear of small numbers so that names and layer numbers do not meet. */
function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return ((hash >>> 0) % 0x7fff0000) + 0x10000;
}
