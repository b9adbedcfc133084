import type { TypedArray } from './dtype.ts';
import { decode } from './encoding.ts';
import { LorikeetError } from './errors.ts';
import { storageOf } from './realize.ts';
import type { Tensor } from './tensor.ts';
import { formatType } from './type.ts';

/** The elements in row-major order; f16 and bf16 as a Float32Array, i4 and u4 one to a byte. Not to be written to. */
export async function read(tensor: Tensor): Promise<TypedArray> {
  return decode(tensor.dtype, await storageOf(tensor).read(), tensor.size);
}

/** The one element of a tensor of size 1. Throws `not-a-scalar`. */
export async function item(tensor: Tensor): Promise<number> {
  if (tensor.size !== 1) {
    throw new LorikeetError('not-a-scalar', 'item: the tensor has not one element', {
      expected: 'a tensor of size 1',
      received: formatType(tensor.type),
    });
  }
  return (await read(tensor))[0] as number;
}
