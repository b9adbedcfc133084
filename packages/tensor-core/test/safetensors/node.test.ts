import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeSafetensors, type TensorInMemory } from '@lorikeet/tensor-core/safetensors';
import {
  fileSource,
  openSafetensors,
  saveSafetensors,
  saveSharded,
} from '@lorikeet/tensor-core/safetensors/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lorikeet-'));
});
afterEach(() => rm(dir, { recursive: true }));

function vector(length: number): TensorInMemory {
  return { dtype: 'F32', shape: [length], data: Float32Array.from({ length }, (_, i) => i) };
}

const files = async (): Promise<string[]> => (await readdir(dir)).sort();

describe('fileSource', () => {
  it('reads what is asked for, and nothing outside the file', async () => {
    await writeFile(join(dir, 'x'), Uint8Array.of(1, 2, 3));
    const source = await fileSource(join(dir, 'x'));
    expect(source.size).toBe(3);
    expect([...(await source.read(1, 2))]).toEqual([2, 3]);
    await expect(source.read(2, 2)).rejects.toMatchObject({ code: 'invalid-argument' });
    await source.close?.();
  });

  it('refuses what is no file', async () => {
    const fault = { code: 'invalid-file', summary: 'the file cannot be opened' };
    await expect(fileSource(dir)).rejects.toMatchObject({ ...fault, received: 'it is not a file' });
    const received = expect.stringContaining('ENOENT');
    await expect(fileSource(join(dir, 'x'))).rejects.toMatchObject({ ...fault, received });
  });
});

describe('a file that is cut short', () => {
  const file = encodeSafetensors([['x', vector(1000)]]);

  it.each([0, 7, 8, 40, file.length - 1])('to %i bytes is refused', async (length) => {
    const path = join(dir, 'x.safetensors');
    await writeFile(path, file.subarray(0, length));
    await expect(openSafetensors(path)).rejects.toMatchObject({ code: 'invalid-file' });
  });

  it('while it is open is refused too', async () => {
    const path = join(dir, 'x.safetensors');
    await writeFile(path, file);
    const opened = await openSafetensors(path);
    await truncate(path, file.length - 10);
    await expect(opened.read('x')).rejects.toMatchObject({
      code: 'invalid-file',
      summary: 'the source gave another number of bytes than asked for',
      path: `${path}: "x"`,
      received: '3990 bytes',
    });
    await opened.close();
  });
});

describe('saveSafetensors', () => {
  it('writes the bytes of encodeSafetensors, over what was there', async () => {
    const path = join(dir, 'model.safetensors');
    await writeFile(path, 'old');
    await saveSafetensors(path, [
      ['x', { ...vector(3), data: async () => Float32Array.of(7, 8, 9) }],
    ]);
    const expected = encodeSafetensors([['x', { ...vector(3), data: Float32Array.of(7, 8, 9) }]]);
    expect(Buffer.compare(await readFile(path), expected)).toBe(0);
    expect(await files()).toEqual(['model.safetensors']);
  });

  it('leaves what was there, and nothing else, if it fails half-way', async () => {
    const path = join(dir, 'model.safetensors');
    await writeFile(path, 'old');
    const fails = { ...vector(3), data: () => Promise.reject(new Error('no data')) };
    const saving = saveSafetensors(path, [
      ['a', vector(3)],
      ['b', fails],
    ]);
    await expect(saving).rejects.toThrow('no data');
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await files()).toEqual(['model.safetensors']);
  });
});

describe('saveSafetensors to the name of a folder', () => {
  it('fails, and leaves nothing behind', async () => {
    await mkdir(join(dir, 'x'));
    await expect(saveSafetensors(join(dir, 'x'), [['a', vector(3)]])).rejects.toThrow();
    expect(await files()).toEqual(['x']);
  });
});

describe('saveSharded', () => {
  const tensors = [
    ['b', vector(10)],
    ['big', vector(100)],
    ['a', vector(10)],
    ['empty', vector(0)],
    ['c', vector(10)],
  ] as const;

  it('splits in the order of the tensors, and reads as one', async () => {
    const names = await saveSharded(dir, tensors, {
      maxShardBytes: 80,
      metadata: [['format', 'pt']],
    });
    const shards = [1, 2, 3].map((n) => `model-0000${n}-of-00003.safetensors`);
    expect(names).toEqual([...shards, 'model.safetensors.index.json']);
    expect(await files()).toEqual([...names].sort());
    const index = JSON.parse(await readFile(join(dir, 'model.safetensors.index.json'), 'utf8'));
    expect(index).toEqual({
      metadata: { total_size: 520 },
      weight_map: { a: shards[2], b: shards[0], big: shards[1], c: shards[2], empty: shards[2] },
    });
    const whole = await openSafetensors(dir);
    expect(whole.metadata.get('format')).toBe('pt');
    for (const [name, { data }] of tensors) expect(await whole.read(name)).toEqual(data);
    await whole.close();
  });

  it('needs no index for one file, and removes what an earlier save left', async () => {
    await saveSharded(dir, tensors, { maxShardBytes: 80 });
    await writeFile(join(dir, 'model-card.md'), '');
    await saveSharded(dir, tensors, { stem: 'adapter_model' });
    await saveSharded(dir, tensors);
    expect(await files()).toEqual([
      'adapter_model.safetensors',
      'model-card.md',
      'model.safetensors',
    ]);
  });

  it('leaves what was there if it fails half-way', async () => {
    await saveSharded(dir, tensors);
    const fails = { ...vector(30), data: () => Promise.reject(new Error('no data')) };
    const saving = saveSharded(dir, [...tensors, ['z', fails]], { maxShardBytes: 80 });
    await expect(saving).rejects.toThrow('no data');
    expect(await files()).toEqual(['model.safetensors']);
  });

  it.each([0, -1, Number.NaN])('refuses %d bytes to a shard', async (maxShardBytes) => {
    await expect(saveSharded(dir, tensors, { maxShardBytes })).rejects.toMatchObject({
      code: 'invalid-argument',
      summary: 'maxShardBytes must be positive',
    });
  });

  it('refuses a name that two shards would share', async () => {
    const twice = [...tensors, ...tensors];
    await expect(saveSharded(dir, twice, { maxShardBytes: 80 })).rejects.toMatchObject({
      code: 'invalid-argument',
      received: '"b"',
    });
  });
});

describe('openSafetensors', () => {
  it('looks in a folder for the names of Hugging Face, the whole model first', async () => {
    await expect(openSafetensors(dir)).rejects.toMatchObject({
      code: 'invalid-file',
      summary: 'the folder holds no checkpoint',
      received: 'none',
    });
    for (const name of ['adapter_model.safetensors', 'model.safetensors']) {
      await saveSafetensors(join(dir, name), [[name, vector(1)]]);
      const file = await openSafetensors(dir);
      expect([...file.entries.keys()]).toEqual([name]);
      await file.close();
    }
  });

  it('names the shard that is not there', async () => {
    await saveSharded(
      dir,
      [
        ['a', vector(1)],
        ['b', vector(1)],
      ],
      { maxShardBytes: 4 },
    );
    await rm(join(dir, 'model-00002-of-00002.safetensors'));
    await expect(openSafetensors(dir)).rejects.toMatchObject({
      code: 'invalid-file',
      path: join(dir, 'model-00002-of-00002.safetensors'),
    });
  });
});
