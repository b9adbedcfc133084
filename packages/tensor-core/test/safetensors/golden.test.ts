import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  encodeSafetensors,
  type SafetensorsFile,
  type TensorInMemory,
} from '@lorikeet/tensor-core/safetensors';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { describe, expect, it } from 'vitest';

const golden = fileURLToPath(new URL('../golden/safetensors/', import.meta.url));

/** What the file's own writer must have been given. */
async function contentsOf(file: SafetensorsFile): Promise<Map<string, TensorInMemory>> {
  const tensors = new Map<string, TensorInMemory>();
  for (const [name, { dtype, shape }] of file.entries) {
    tensors.set(name, { dtype, shape, data: await file.read(name) });
  }
  return tensors;
}

describe('files that the Python library wrote', () => {
  it('read as what NumPy put into them: every dtype', async () => {
    const file = await openSafetensors(`${golden}every-dtype.safetensors`);
    const floats = [0, 1, -1, 2.5, -65504, 1e-7];
    const read = async (name: string): Promise<unknown[]> => [...(await file.read(name))];
    const readAs = async (name: string): Promise<number[]> => [...(await file.readAs(name, 'f64'))];
    expect(file.metadata.get('writer')).toBe('safetensors 0.8.0');
    expect(await read('f64')).toEqual(floats);
    expect(await read('f32')).toEqual(floats.map(Math.fround));
    expect(await readAs('f16')).toEqual([0, 1, -1, 2.5, -65504, 2 * 2 ** -24]);
    expect(await readAs('bf16')).toEqual([0, 1, -1, 2.5, -65536, 1.0011717677116394e-7]);
    expect(await read('i64')).toEqual([-(2n ** 63n), -1n, 0n, 2n ** 53n + 1n, 2n ** 63n - 1n]);
    expect(await read('u64')).toEqual([0n, 1n, 2n ** 64n - 1n]);
    expect(await read('i32')).toEqual([-(2 ** 31), 0, 2 ** 31 - 1]);
    expect(await read('u32')).toEqual([0, 2 ** 32 - 1]);
    expect(await read('i16')).toEqual([-32768, 32767]);
    expect(await read('u16')).toEqual([0, 65535]);
    expect(await read('i8')).toEqual([-128, 0, 127]);
    expect(await read('u8')).toEqual([0, 255, 7]);
    expect(await read('bool')).toEqual([1, 0, 1]);
    expect(await read('scalar')).toEqual([3]);
    expect(await read('empty')).toEqual([]);
    expect(await read('ünïcode "quoted" \\ 𝄞')).toEqual([1]);
    expect(file.entries.get('scalar')?.shape).toEqual([]);
    expect(file.entries.get('empty')?.shape).toEqual([2, 0, 3]);
    await file.close();
  });

  it.each(['every-dtype', 'adapter_model', 'llama-bf16-sharded/model-00002-of-00003'])(
    'are written again byte for byte: %s',
    async (name) => {
      const path = `${golden}${name}.safetensors`;
      const file = await openSafetensors(path);
      const again = encodeSafetensors(await contentsOf(file), file.metadata);
      expect(Buffer.compare(again, await readFile(path))).toBe(0);
      await file.close();
    },
  );

  it('read as one model from three shards', async () => {
    const file = await openSafetensors(`${golden}llama-bf16-sharded`);
    expect(file.entries.size).toBe(21);
    expect(file.metadata.get('format')).toBe('pt');
    const bytes = [...file.entries.values()].map(({ byteLength }) => byteLength);
    expect(bytes.reduce((sum, length) => sum + length)).toBe(43456);
    // The first values and the sum of the magnitudes, by NumPy.
    for (const [name, first, magnitudes] of [
      ['model.embed_tokens.weight', [-0.072265625, -0.193359375], 941.5250268578529],
      ['model.layers.0.mlp.down_proj.weight', [0.2255859375, 0.435546875], 241.66913723945618],
      ['model.norm.weight', [1.03125, 0.83203125], 30.9609375],
    ] as const) {
      const values = [...(await file.readAs(name, 'f32'))];
      expect(values.slice(0, 2)).toEqual(first);
      expect(values.reduce((sum, value) => sum + Math.abs(value), 0)).toBeCloseTo(magnitudes, 9);
    }
    await file.close();
  });
});
