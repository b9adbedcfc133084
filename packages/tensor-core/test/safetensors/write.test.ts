import {
  encodeSafetensors,
  safetensorsHeader,
  type TensorInMemory,
  type TensorToWrite,
  writeSafetensors,
} from '@lorikeet/tensor-core/safetensors';
import { describe, expect, it } from 'vitest';

const vector: TensorInMemory = { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) };
const text = (header: Uint8Array): string => new TextDecoder().decode(header.subarray(8));

describe('the writer', () => {
  it('writes what the format says', () => {
    const file = encodeSafetensors(
      {
        *[Symbol.iterator]() {
          yield ['b', vector] as const;
          yield ['a', { dtype: 'BF16', shape: [], data: Float32Array.of(1) }] as const;
        },
      },
      [['format', 'pt']],
    );
    const header =
      '{"__metadata__":{"format":"pt"},' +
      '"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},' +
      '"a":{"dtype":"BF16","shape":[],"data_offsets":[8,10]}}';
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
    expect(text(file).slice(0, padded.length)).toBe(padded);
    expect([...file.subarray(0, 8)]).toEqual([padded.length, 0, 0, 0, 0, 0, 0, 0]);
    expect([...file.subarray(8 + padded.length)]).toEqual([0, 0, 128, 63, 0, 0, 0, 64, 128, 63]);
  });

  it('sorts names by code point, as UTF-8 does', () => {
    const names = ['𝄞', '\uffff', 'b', 'a10', 'a9', 'a'];
    const { tensors } = safetensorsHeader(names.map((name) => [name, vector]));
    expect(tensors.map(([name]) => name)).toEqual(['a', 'a10', 'a9', 'b', '\uffff', '𝄞']);
  });

  it('asks for the data of a tensor only when the one before it is written', async () => {
    const events: string[] = [];
    const lazy = (name: string): TensorToWrite => {
      const data = (): Float32Array => {
        events.push(`ask ${name}`);
        return Float32Array.of(1, 2);
      };
      return { ...vector, data };
    };
    const sink = { write: async ({ length }: Uint8Array) => void events.push(`write ${length}`) };
    await writeSafetensors(sink, [
      ['y', lazy('y')],
      ['x', lazy('x')],
    ]);
    expect(events).toEqual(['write 120', 'ask x', 'write 8', 'ask y', 'write 8']);
  });

  it.each<[string, Partial<TensorInMemory>, string, string]>([
    [
      'another length',
      { shape: [3] },
      'Float32Array of length 3, for F32 of shape [3]',
      'Float32Array of length 2',
    ],
    [
      'another type',
      { dtype: 'I32' },
      'Int32Array of length 2, for I32 of shape [2]',
      'Float32Array of length 2',
    ],
    [
      'doubles for halves',
      { dtype: 'F16', data: Float64Array.of(1, 2) },
      'Uint16Array or Float32Array of length 2, for F16 of shape [2]',
      'Float64Array of length 2',
    ],
  ])('refuses data of %s', async (_, change, expected, received) => {
    const tensor = { ...vector, ...change };
    const fault = {
      code: 'invalid-argument',
      summary: 'the data does not fit the dtype and shape',
      expected,
      received,
    };
    expect(() => encodeSafetensors([['x', tensor]])).toThrow(expect.objectContaining(fault));
    const writing = writeSafetensors({ write: () => {} }, [['x', tensor]]);
    await expect(writing).rejects.toMatchObject(fault);
  });

  it.each([[[-1]], [[1.5]], [[2 ** 53]], [[2 ** 30, 2 ** 30]], [new Array(65).fill(1)]])(
    'refuses the shape %j',
    (shape) => {
      expect(() => safetensorsHeader([['x', { ...vector, shape }]])).toThrow(
        expect.objectContaining({ code: 'invalid-argument', received: `[${shape}]` }),
      );
    },
  );

  it.each([
    ['a name twice', ['x', 'x'], '"x"'],
    ['the name of the metadata', ['__metadata__'], '"__metadata__"'],
    ['half a character', ['\ud800'], '"\\ud800"'],
  ])('refuses %s', (_, names, received) => {
    expect(() => safetensorsHeader(names.map((name) => [name, vector]))).toThrow(
      expect.objectContaining({ code: 'invalid-argument', received }),
    );
  });

  it('refuses a dtype that it cannot write', () => {
    expect(() => safetensorsHeader([['x', { dtype: 'F8_E4M3', shape: [1] }]])).toThrow(
      expect.objectContaining({ code: 'unsupported', received: 'F8_E4M3' }),
    );
  });

  it('refuses a header that no reader would take', () => {
    const long = [['x', 'y'.repeat(100_000_000)]] as const;
    expect(() => safetensorsHeader([], long)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', expected: 'at most 100000000 bytes' }),
    );
  });
});
