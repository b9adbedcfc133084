import { isLorikeetError, type LorikeetError } from '@lorikeet/tensor-core';
import { bytesSource, readSafetensors } from '@lorikeet/tensor-core/safetensors';
import { describe, expect, it } from 'vitest';
import { fileByHand, spySource } from './byHand.ts';
import { f32, hostileHeaders } from './hostileHeaders.ts';

/** The error that a file is refused with. */
async function refusal(file: Uint8Array): Promise<LorikeetError> {
  const source = spySource(file);
  try {
    await readSafetensors(source, { name: 'bad.safetensors' });
  } catch (error) {
    if (!isLorikeetError(error)) throw error;
    expect(source.isClosed).toBe(true);
    return error;
  }
  throw new Error('the file was taken');
}

describe('a safetensors file is refused if its header', () => {
  it.each(Object.entries(hostileHeaders))('%s', async (_, { header, data, tensor, ...told }) => {
    const error = await refusal(fileByHand(header, data));
    const path = tensor === undefined ? 'bad.safetensors' : `bad.safetensors: "${tensor}"`;
    expect(error).toMatchObject({ code: 'invalid-file', path, ...told });
    expect(error.hint).toMatch(/fetch it again|convert the file/);
  });

  it('is not UTF-8', async () => {
    const file = fileByHand('{"x":1}');
    file[10] = 0xff;
    expect(await refusal(file)).toMatchObject({
      code: 'invalid-file',
      summary: 'the header is not UTF-8',
    });
  });

  it.each([
    ['is longer than the file', 100n, 20, 'at most 12 bytes in a file of 20 bytes', '100 bytes'],
    [
      'is longer than the format allows',
      100_000_001n,
      2 ** 40,
      'at most 100000000 bytes in a file of 1099511627776 bytes',
      '100000001 bytes',
    ],
    [
      'is longer than anything',
      2n ** 64n - 1n,
      2 ** 40,
      'at most 100000000 bytes in a file of 1099511627776 bytes',
      '18446744073709552000 bytes',
    ],
  ])('%s, of which nothing is read', async (_, length, size, expected, received) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, length, true);
    const source = spySource(bytes, size);
    const summary = 'the length of the header is out of range';
    await expect(readSafetensors(source)).rejects.toMatchObject({
      code: 'invalid-file',
      summary,
      expected,
      received,
    });
    expect(source.reads).toEqual([{ offset: 0, length: 8 }]);
  });

  it.each([0, 7])('has no room: the file is of %i bytes', async (size) => {
    const summary = 'the file is too short for a safetensors file';
    const received = `${size} bytes`;
    expect(await refusal(new Uint8Array(size))).toMatchObject({
      code: 'invalid-file',
      summary,
      received,
    });
  });

  it('claims 10^15 elements, before anything is allocated for them', async () => {
    const claim = { dtype: 'U8', shape: [1e15], data_offsets: [0, 1e15] };
    const file = fileByHand({ x: claim }, 4);
    const source = spySource(file);
    await expect(readSafetensors(source)).rejects.toMatchObject({
      code: 'invalid-file',
      summary: 'the data of a tensor is outside the file',
    });
    expect(source.reads).toEqual([
      { offset: 0, length: 8 },
      { offset: 8, length: file.length - 12 },
    ]);
  });
});

describe('a safetensors file is taken', () => {
  it('with nothing in it', async () => {
    const { entries, metadata } = await readSafetensors(bytesSource(fileByHand('{}')));
    expect([entries.size, metadata.size]).toEqual([0, 0]);
  });

  it('with white space, tensors in any order, and names that are no trouble', async () => {
    const text = ` ${JSON.stringify({ y: f32([1], [8, 12]), z: f32([0, 3], [8, 8]) }, undefined, 2).slice(2)}`;
    const file = fileByHand(`{"__proto__":${JSON.stringify(f32([2], [0, 8]))},${text}  \n`, 12);
    const { entries } = await readSafetensors(bytesSource(file));
    expect([...entries.keys()]).toEqual(['__proto__', 'y', 'z']);
    expect(entries.get('__proto__')).toMatchObject({ dtype: 'F32', shape: [2], byteLength: 8 });
  });

  it('with more than this process can hold, until it is read', async () => {
    const size = 2 ** 49;
    const header = fileByHand({ x: { dtype: 'U8', shape: [size], data_offsets: [0, size] } });
    const file = await readSafetensors(spySource(header, header.length + size), { name: 'f' });
    await expect(file.read('x')).rejects.toMatchObject({ code: 'unsupported', path: 'f: "x"' });
  });
});
