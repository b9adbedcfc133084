import {
  blobSource,
  bytesSource,
  encodeSafetensors,
  readSafetensors,
  readSharded,
  safetensorsHeader,
  writeSafetensors,
} from '@lorikeet/tensor-core/safetensors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf, checkpoints } from './arbitraries.ts';

describe('a checkpoint that is written and read', () => {
  it('is the same: names, dtypes, shapes, bits, metadata', async () => {
    await fc.assert(
      fc.asyncProperty(checkpoints, fc.nat(7), async ({ tensors, metadata }, shift) => {
        const file = encodeSafetensors(tensors, metadata);
        // The same file at an address that suits no typed array.
        const moved = new Uint8Array(file.length + shift).subarray(shift);
        moved.set(file);
        for (const source of [bytesSource(moved), blobSource(new Blob([new Uint8Array(file)]))]) {
          const back = await readSafetensors(source);
          expect(new Map(back.metadata)).toEqual(metadata);
          expect([...back.entries.keys()].sort()).toEqual([...tensors.keys()].sort());
          for (const [name, { dtype, shape, data }] of tensors) {
            expect(back.entries.get(name)).toMatchObject({
              dtype,
              shape,
              byteLength: data.byteLength,
            });
            const read = await back.read(name);
            expect(read.constructor).toBe(data.constructor);
            expect(bytesOf(read)).toEqual(bytesOf(data));
          }
        }
      }),
    );
  });

  it('has the same bytes in whatever order its tensors come, in memory and streamed', async () => {
    await fc.assert(
      fc.asyncProperty(checkpoints, async ({ tensors, metadata }) => {
        const file = encodeSafetensors(tensors, metadata);
        const lazy = [...tensors].reverse().map(([name, tensor]) => {
          return [name, { ...tensor, data: async () => tensor.data }] as const;
        });
        const pieces: number[] = [];
        const sink = { write: (bytes: Uint8Array): void => void pieces.push(...bytes) };
        await writeSafetensors(sink, lazy, [...metadata].reverse());
        expect(new Uint8Array(pieces)).toEqual(file);
        expect(safetensorsHeader(tensors, metadata).byteLength).toBe(file.length);
      }),
    );
  });

  it('starts its data, and each tensor, where a memory map can use it', async () => {
    await fc.assert(
      fc.property(checkpoints, ({ tensors, metadata }) => {
        const layout = safetensorsHeader(tensors, metadata);
        expect(layout.header.length % 8).toBe(0);
        let offset = layout.header.length;
        for (const [, { data }] of layout.tensors) {
          expect(offset % data.BYTES_PER_ELEMENT).toBe(0);
          offset += data.byteLength;
        }
      }),
    );
  });

  it('reads the same from shards as from one file', async () => {
    await fc.assert(
      fc.asyncProperty(checkpoints, fc.integer({ min: 1, max: 3 }), async ({ tensors }, count) => {
        const shardOf = (at: number): string => `s${at % count}.safetensors`;
        const placed = [...tensors].map(([name, tensor], at) => ({
          name,
          tensor,
          shard: shardOf(at),
        }));
        const weightMap = Object.fromEntries(placed.map(({ name, shard }) => [name, shard]));
        const index = JSON.stringify({ metadata: { total_size: 1e3 }, weight_map: weightMap });
        const whole = await readSharded(index, async (fileName) => {
          const held = placed.filter(({ shard }) => shard === fileName);
          return bytesSource(encodeSafetensors(held.map(({ name, tensor }) => [name, tensor])));
        });
        expect([...whole.entries.keys()].sort()).toEqual([...tensors.keys()].sort());
        for (const [name, { data }] of tensors) {
          expect(bytesOf(await whole.read(name))).toEqual(bytesOf(data));
        }
        await whole.close();
      }),
    );
  });
});
