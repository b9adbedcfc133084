import { blobSource, bytesSource, readSafetensors } from '@lorikeet/tensor-core/safetensors';
import { describe, expect, it } from 'vitest';
import { fileByHand, spySource } from './byHand.ts';

const bytes = Uint8Array.of(0, 1, 2, 3, 4);

describe.each([
  ['bytesSource', bytesSource(bytes)],
  ['blobSource', blobSource(new Blob([bytes]))],
])('%s', (_, source) => {
  it('gives the bytes asked for', async () => {
    expect(source.size).toBe(5);
    expect([...(await source.read(1, 3))]).toEqual([1, 2, 3]);
    expect([...(await source.read(5, 0))]).toEqual([]);
  });

  it.each([
    [-1, 2],
    [0, -1],
    [0, 6],
    [5, 1],
    [0.5, 1],
    [Number.NaN, 1],
    [0, Number.POSITIVE_INFINITY],
    [Number.MAX_SAFE_INTEGER, 2],
  ])('refuses to read from %d, %d bytes', async (offset, length) => {
    await expect(source.read(offset, length)).rejects.toMatchObject({
      code: 'invalid-argument',
      summary: 'a read outside the source',
      expected: 'a range within 5 bytes',
      received: `${length} bytes from ${offset}`,
    });
  });
});

describe('a tensor is read', () => {
  const elements = 300_000;
  const length = elements * 8;
  const spec = { dtype: 'I64', shape: [elements], data_offsets: [0, length] };
  const other = { dtype: 'U8', shape: [5], data_offsets: [length, length + 5] };
  const bytesOfFile = fileByHand({ x: spec, y: other }, length + 5);

  it('a mebibyte at a time, none of it twice, and nothing else', async () => {
    const source = spySource(bytesOfFile);
    const file = await readSafetensors(source);
    const before = source.reads.length;
    await file.readAs('x', 'i32');
    const reads = source.reads.slice(before);
    expect(reads.map((read) => read.length)).toEqual([2 ** 20, 2 ** 20, length - 2 ** 21]);
    expect(reads[0]?.offset).toBe(bytesOfFile.length - length - 5);
    expect(reads[1]?.offset).toBe((reads[0]?.offset ?? 0) + 2 ** 20);
  });

  it('or refused if the source gives too little', async () => {
    const whole = bytesSource(bytesOfFile);
    const size = bytesOfFile.length;
    const read = async (offset: number, count: number): Promise<Uint8Array> =>
      (await whole.read(offset, count)).subarray(0, offset > 8 ? 3 : count);
    const file = await readSafetensors({ size, read }, { name: 'f' });
    await expect(file.read('y')).rejects.toMatchObject({
      code: 'invalid-file',
      summary: 'the source gave another number of bytes than asked for',
      path: 'f: "y"',
      expected: `5 bytes from ${size - 5}`,
      received: '3 bytes',
    });
  });

  it('into memory of its own', async () => {
    const bytesNow = bytesOfFile.slice();
    const file = await readSafetensors(bytesSource(bytesNow));
    const data = await file.read('y');
    bytesNow.fill(9);
    expect([...data]).toEqual([0, 0, 0, 0, 0]);
  });
});
