import {
  bytesSource,
  encodeSafetensors,
  readSafetensors,
  type StoredArray,
  type StoredDType,
} from '@lorikeet/tensor-core/safetensors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileByHand } from './byHand.ts';

type Target = Parameters<Awaited<ReturnType<typeof readSafetensors>>['readAs']>[1];

/** What comes back when `data` is stored as `stored` and read as `target`. */
async function reread(
  stored: StoredDType,
  data: StoredArray,
  target: Target,
): Promise<StoredArray> {
  const spec = { dtype: stored, shape: [data.length], data };
  const file = await readSafetensors(bytesSource(encodeSafetensors([['x', spec]])), { name: 'f' });
  return file.readAs('x', target);
}

const everyHalf = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);

/** The definition of IEEE binary16, apart from ours. */
function binary16(bits: number): number {
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = Math.floor(bits / 1024) % 32;
  const fraction = (bits % 1024) / 1024;
  if (exponent === 31) return fraction > 0 ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * 2 ** -14 * fraction : sign * 2 ** (exponent - 15) * (1 + fraction);
}

function bfloat16(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint16(0, bits);
  return view.getFloat32(0);
}

/** Far faster than `toEqual` for long arrays; every NaN is the same. */
function isSame(a: StoredArray, b: StoredArray): boolean {
  return (
    a.constructor === b.constructor &&
    a.length === b.length &&
    a.every((x, i) => Object.is(x, b[i]))
  );
}

describe('readAs', () => {
  it('gives the value of every f16 and bf16', async () => {
    const halves = Float32Array.from(everyHalf, binary16);
    const brains = Float32Array.from(everyHalf, bfloat16);
    expect(isSame(await reread('F16', everyHalf, 'f32'), halves)).toBe(true);
    expect(isSame(await reread('BF16', everyHalf, 'f32'), brains)).toBe(true);
    expect(isSame(await reread('F16', everyHalf, 'f64'), Float64Array.from(halves))).toBe(true);
  });

  it('reads a tensor of many chunks', async () => {
    const data = Float32Array.from({ length: 700_001 }, (_, i) => i % 256);
    const whole = Int32Array.from(data);
    expect(isSame(await reread('F32', data, 'f32'), data)).toBe(true);
    expect(isSame(await reread('BF16', data, 'i32'), whole)).toBe(true);
    const wide = BigInt64Array.from(whole, BigInt);
    expect(isSame(await reread('I64', wide, 'i32'), whole)).toBe(true);
  });

  it('reads from wherever the data begins', async () => {
    const data = BigInt64Array.of(1n, -2n);
    const bytes = encodeSafetensors([['x', { dtype: 'I64', shape: [2], data }]]);
    for (let shift = 0; shift < 8; shift++) {
      const moved = new Uint8Array(shift + bytes.length).subarray(shift);
      moved.set(bytes);
      const file = await readSafetensors(bytesSource(moved));
      expect(await file.readAs('x', 'f32')).toEqual(Float32Array.of(1, -2));
    }
  });

  it('rounds a wider float to nearest, ties to even', async () => {
    const data = Float32Array.of(1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 65520, -1e-9);
    expect(await reread('F32', data, 'f16')).toEqual(
      Uint16Array.of(0x3c00, 0x3c00, 0x3c02, 0x7c00, 0x8000),
    );
    expect(await reread('F16', data, 'f16')).toEqual(
      Uint16Array.of(0x3c00, 0x3c00, 0x3c02, 0x7c00, 0x8000),
    );
    const ties = Float32Array.of(1, 1 + 2 ** -8, 1 + 3 * 2 ** -8);
    expect(await reread('BF16', ties, 'bf16')).toEqual(Uint16Array.of(0x3f80, 0x3f80, 0x3f82));
    expect(await reread('F64', Float64Array.of(0.1), 'f32')).toEqual(Float32Array.of(0.1));
  });

  it('gives 64-bit integers to the nearest double', async () => {
    await fc.assert(
      fc.asyncProperty(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), async (value) => {
        expect(await reread('I64', BigInt64Array.of(value), 'f64')).toEqual(
          Float64Array.of(Number(value)),
        );
        const bits = BigUint64Array.of(BigInt.asUintN(64, value));
        expect(await reread('U64', bits, 'f64')).toEqual(Float64Array.from(bits, Number));
      }),
    );
  });

  it('takes every byte but 0 for true', async () => {
    const file = fileByHand({ x: { dtype: 'BOOL', shape: [2], data_offsets: [0, 2] } }, 2);
    file[file.length - 1] = 7;
    const { read, readAs } = await readSafetensors(bytesSource(file));
    expect(await read('x')).toEqual(Uint8Array.of(0, 1));
    expect(await readAs('x', 'bool')).toEqual(Uint8Array.of(0, 1));
    expect(await reread('F32', Float32Array.of(0, -0, 0.5), 'bool')).toEqual(
      Uint8Array.of(0, 0, 1),
    );
  });

  it.each([
    ['I64', BigInt64Array.of(2n ** 31n), 'i32', '-2147483648 to 2147483647', '2147483648'],
    [
      'I64',
      BigInt64Array.of(-(2n ** 63n)),
      'i32',
      '-2147483648 to 2147483647',
      '-9223372036854775808',
    ],
    ['I32', Int32Array.of(-1), 'u32', '0 to 4294967295', '-1'],
    ['U16', Uint16Array.of(256), 'u8', '0 to 255', '256'],
    ['F32', Float32Array.of(1.5), 'i32', '-2147483648 to 2147483647', '1.5'],
    ['F32', Float32Array.of(Number.NaN), 'u8', '0 to 255', 'NaN'],
  ] as const)(
    'refuses a value of %s %s that %s cannot hold',
    async (stored, data, target, range, value) => {
      await expect(reread(stored, data, target)).rejects.toMatchObject({
        code: 'invalid-argument',
        summary: `a stored value does not fit in ${target}`,
        path: 'f: "x"',
        expected: `whole numbers from ${range}`,
        received: value === '-9223372036854775808' ? '-9223372036854776000' : value,
      });
    },
  );

  it('lists an 8-bit float and refuses to read it', async () => {
    const file = fileByHand({ x: { dtype: 'F8_E4M3', shape: [3], data_offsets: [0, 3] } }, 3);
    const { entries, read, readAs } = await readSafetensors(bytesSource(file), { name: 'f' });
    expect(entries.get('x')).toMatchObject({ dtype: 'F8_E4M3', shape: [3], byteLength: 3 });
    for (const reading of [read('x'), readAs('x', 'f32')]) {
      await expect(reading).rejects.toMatchObject({ code: 'unsupported', path: 'f: "x"' });
    }
  });

  it('names what is there when a tensor is not', async () => {
    const file = await readSafetensors(bytesSource(fileByHand({})), { name: 'f' });
    for (const name of ['x', '__proto__', 'toString']) {
      await expect(file.read(name)).rejects.toMatchObject({
        code: 'missing-tensor',
        received: 'none',
      });
    }
  });
});
