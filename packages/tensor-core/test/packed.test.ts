import {
  add,
  byteLengthOf,
  cast,
  compile,
  concat,
  createReferenceBackend,
  type DType,
  full,
  gather,
  mul,
  packedTensor,
  permute,
  slice,
  sum,
  type Tensor,
  tensor,
  useBackend,
} from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nested } from './nested.ts';

const ranges = { u4: [0, 15], i4: [-8, 7], u8: [0, 255], i8: [-128, 127] } as const;
const small = Object.keys(ranges) as (keyof typeof ranges)[];

test.each(small)('%s holds every value of its range, in any number', async (dtype) => {
  const [min, max] = ranges[dtype];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min, max })), async (values) => {
      const stored = tensor(values, undefined, dtype);
      expect(Array.from(await stored.data())).toEqual(values);
      expect(Array.from(await cast(stored, 'f32').data())).toEqual(values);
      expect(Array.from(await cast(tensor(values), dtype).data())).toEqual(values);
    }),
    { numRuns: 50 },
  );
});

test('what does not fit wraps, as in every integer dtype', async () => {
  const numbers = tensor([16, -1, 8, 300], undefined, 'i32');
  expect(await nested(cast(numbers, 'u4'))).toEqual([0, 15, 8, 12]);
  expect(await nested(cast(numbers, 'i4'))).toEqual([0, -1, -8, -4]);
  expect(await nested(cast(numbers, 'i8'))).toEqual([16, -1, 8, 44]);
});

test('two elements share a byte, the first in its lower half', async () => {
  const packed = packedTensor(Uint8Array.of(0x21, 0xf3, 0x0e), [5], 'u4');
  expect(await nested(packed)).toEqual([1, 2, 3, 15, 14]);
  expect(await nested(packedTensor(Uint8Array.of(0x21, 0xf8), [2, 2], 'i4'))).toEqual([
    [1, 2],
    [-8, -1],
  ]);
  expect(byteLengthOf('u4', 5)).toBe(3);
});

test('packed elements take half a byte each on a backend', async () => {
  const backend = createReferenceBackend();
  const before = useBackend(backend);
  try {
    const table = cast(full([1001], 3), 'u4');
    expect(await sum(cast(table, 'i32')).item()).toBe(3003);
    await table.data();
    expect(backend.limits().liveBytes()).toBeLessThan(8 * 501);
  } finally {
    useBackend(before);
  }
});

test('movement and arithmetic work on what is packed', async () => {
  const x = tensor(
    [
      [1, 2, 3],
      [4, 5, 6],
    ],
    undefined,
    'u4',
  );
  expect(await nested(permute(x, [1, 0]))).toEqual([
    [1, 4],
    [2, 5],
    [3, 6],
  ]);
  expect(await nested(slice(x, [0, 1], [2, 2]))).toEqual([
    [2, 3],
    [5, 6],
  ]);
  expect(await nested(gather(x, tensor([1], undefined, 'i32')))).toEqual([[4, 5, 6]]);
  expect(await nested(concat([x, x], 1))).toEqual([
    [1, 2, 3, 1, 2, 3],
    [4, 5, 6, 4, 5, 6],
  ]);
  expect(await nested(add(x, 12))).toEqual([
    [13, 14, 15],
    [0, 1, 2],
  ]);
  expect(await nested(mul(cast(x, 'f32'), 0.5))).toEqual([
    [0.5, 1, 1.5],
    [2, 2.5, 3],
  ]);
});

test('a compiled function takes and gives packed tensors', async () => {
  const shift = compile((x: Tensor) => add(x, 1));
  expect(await nested(shift(tensor([14, 15, 0], undefined, 'u4')))).toEqual([15, 0, 1]);
  expect(await nested(shift(tensor([7, -8], undefined, 'i4')))).toEqual([-8, -7]);
});

test.each(small)('a number that %s cannot hold is refused in arithmetic', (dtype: DType) => {
  expect(() => add(tensor([1], undefined, dtype), 256)).toThrow(/256 is not a number that/);
});

test('too few bytes are refused', () => {
  expect(() => packedTensor(Uint8Array.of(1), [3], 'u4')).toThrow(
    /packedTensor: 1 bytes do not fill u4\[3\][\s\S]*expected: 2 bytes/,
  );
});
