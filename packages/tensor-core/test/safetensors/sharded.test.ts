import {
  type ByteSource,
  bytesSource,
  encodeSafetensors,
  readSharded,
} from '@lorikeet/tensor-core/safetensors';
import { describe, expect, it } from 'vitest';
import { type SpySource, spySource } from './byHand.ts';

const vector = { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) } as const;
const first = encodeSafetensors([['a', vector]], [['format', 'pt']]);
const second = encodeSafetensors(
  [
    ['b', vector],
    ['c', vector],
  ],
  [
    ['format', 'np'],
    ['by', 'second'],
  ],
);

const [one, two] = ['1.safetensors', '2.safetensors'];
const good = { a: one, b: two, c: two };
const indexOf = (weightMap: unknown): string => JSON.stringify({ weight_map: weightMap });

/** Opens the two shards, and keeps what it opened in `opened`. */
function shardOpener(opened: SpySource[] = []): (fileName: string) => Promise<ByteSource> {
  return async (fileName) => {
    const source = spySource(fileName === one ? first : second);
    opened.push(source);
    return source;
  };
}

describe('readSharded', () => {
  it('reads as one file', async () => {
    const opened: SpySource[] = [];
    const index = bytesSource(new TextEncoder().encode(indexOf(good)));
    const file = await readSharded(index, shardOpener(opened), { name: 'i' });
    expect(file.name).toBe('i');
    expect([...file.entries.keys()]).toEqual(['a', 'b', 'c']);
    expect(file.entries.get('b')).toMatchObject({ dtype: 'F32', shape: [2], byteLength: 8 });
    expect([...file.metadata].sort()).toEqual([
      ['by', 'second'],
      ['format', 'pt'],
    ]);
    expect(await file.readAs('c', 'f64')).toEqual(Float64Array.of(1, 2));
    await expect(file.read('d')).rejects.toMatchObject({ code: 'missing-tensor', path: 'i' });
    await file.close();
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  });

  const plain = 'the index names a shard by more than a plain file name';
  const json = 'the index cannot be read as JSON of the right form';
  it.each<[string, string, string]>([
    ['is not JSON', 'weights', json],
    ['is not an object', '[]', json],
    ['goes on after its end', `${indexOf(good)}]`, json],
    ['nests deeply beside the map', `{"metadata":${'['.repeat(1e5)}`, json],
    [
      'has no weight_map',
      '{"metadata":{"total_size":1.5e9,"x":[true,null,"",{}]}}',
      'the index lacks its weight_map',
    ],
    ['has two weight_maps', '{"weight_map":{},"weight_map":{}}', 'the index gives a key twice'],
    [
      'gives a tensor twice',
      `{"weight_map":{"a":"${one}","a":"${two}"}}`,
      'the index gives a key twice',
    ],
    ['has a shard that is no text', indexOf({ a: 1 }), json],
    ['climbs out of its folder', indexOf({ a: '../1.safetensors' }), plain],
    ['climbs out of its folder as in Windows', indexOf({ a: '..\\1.safetensors' }), plain],
    ['points into a folder', indexOf({ a: 'x/1.safetensors' }), plain],
    ['points to the root', indexOf({ a: '/1.safetensors' }), plain],
    ['points to a drive', indexOf({ a: 'C:1.safetensors' }), plain],
    ['has a shard with a zero in its name', indexOf({ a: '1\0.safetensors' }), plain],
    ['points to a hidden file', indexOf({ a: '.safetensors' }), plain],
    ['points to its own folder', indexOf({ a: '..' }), plain],
    ['points to another kind of file', indexOf({ a: 'id_rsa' }), plain],
    [
      'leaves out a tensor',
      indexOf({ a: one, b: two }),
      'a shard holds a tensor that the index does not put there',
    ],
  ])('refuses an index that %s', async (_, index, summary) => {
    const opened: SpySource[] = [];
    const reading = readSharded(index, shardOpener(opened), { name: 'i' });
    await expect(reading).rejects.toMatchObject({ code: 'invalid-file', summary });
    expect(opened.every(({ isClosed }) => isClosed)).toBe(true);
  });

  it.each([
    ['a tensor that its shard lacks', { ...good, d: two }, '"2.safetensors: d"', 1, 4],
    [
      'tensors in the wrong shard',
      { a: two, b: one, c: two },
      '"2.safetensors: a", "1.safetensors: b"',
      2,
      3,
    ],
  ])('misses %s', async (_, weightMap, expected, missing, all) => {
    const opened: SpySource[] = [];
    await expect(readSharded(indexOf(weightMap), shardOpener(opened))).rejects.toMatchObject({
      code: 'missing-tensor',
      summary: 'a shard lacks a tensor that the index promises',
      path: 'safetensors index',
      expected,
      received: `${missing} of ${all} tensors are not in the shard said`,
    });
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  });

  it('refuses an index that is too long, or not text', async () => {
    const long = spySource(new Uint8Array(), 2 ** 40);
    await expect(readSharded(long, shardOpener())).rejects.toMatchObject({
      code: 'invalid-file',
      summary: 'the index is too long',
    });
    expect([long.reads.length, long.isClosed]).toEqual([0, true]);
    await expect(
      readSharded(bytesSource(Uint8Array.of(0xff)), shardOpener()),
    ).rejects.toMatchObject({
      code: 'invalid-file',
      summary: 'the index is not UTF-8',
    });
  });

  it('passes on what opening a shard throws', async () => {
    const fault = new Error('offline');
    const opening = readSharded(indexOf(good), () => Promise.reject(fault));
    await expect(opening).rejects.toBe(fault);
  });
});
