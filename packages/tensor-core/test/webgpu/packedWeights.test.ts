import {
  createReferenceBackend,
  type QuantizedDType,
  quantizedDot,
  tensor,
  useBackend,
} from '@lorikeet/tensor-core';
import type { Tiling } from '@lorikeet/tensor-core/webgpu';
import { createNodeWebgpuBackend } from '@lorikeet/tensor-core/webgpu/node';
import { expect, test } from 'vitest';
import { compiledBy } from './compiledBy.ts';
import { describeOnWebgpu } from './describeOnWebgpu.ts';

const [out, depth, blockSize] = [96, 512, 32];
/** Two sums of as many products as the depth, none larger than 1, are each off by at most depth * 2^-24 of the sum of their sizes. */
const bound = 2 * depth * 2 ** -24 * depth;

interface Product {
  readonly tiling: Tiling;
  readonly rows: number;
  readonly dtype: QuantizedDType;
  readonly inputAxis: 0 | 1;
}

await describeOnWebgpu('a product with a quantised weight', () => {
  /** The product, what the reference gives, and the bytes that are kept between the kernels. */
  const product = async ({ tiling, rows, dtype, inputAxis }: Product) => {
    const values = (size: number, seed: number): Float32Array =>
      Float32Array.from({ length: size }, (_, i) => Math.sin(seed + i * 78.233));
    const sides = inputAxis === 1 ? [out, depth] : [depth, out];
    const blocks = [sides[0] ?? 0, Math.ceil((sides[1] ?? 0) / blockSize)];
    const first = dtype.startsWith('i') ? (dtype === 'i4' ? -8 : -128) : 0;
    const levels = dtype.endsWith('4') ? 16 : 256;
    const whole = (size: number, seed: number): number[] =>
      [...values(size, seed)].map((value) => first + Math.floor(Math.abs(value) * levels));
    const body = async (): Promise<readonly number[]> => {
      const count = (blocks[0] ?? 0) * (blocks[1] ?? 0);
      const weight = tensor(whole(out * depth, 1), sides, dtype);
      const scales = tensor(
        values(count, 2).map((value) => value / levels),
        blocks,
      );
      const zeroPoints = tensor(whole(count, 3), blocks, dtype);
      const x = tensor(values(rows * depth, 4), [rows, depth]);
      return [
        ...(await quantizedDot(x, { weight, scales, zeroPoints }, { blockSize, inputAxis }).data()),
      ];
    };
    const backend = await createNodeWebgpuBackend({ tiling });
    const { result } = await compiledBy(backend, body);
    const { unplannedBytes } = backend.statistics();
    backend.destroy();
    const before = useBackend(createReferenceBackend());
    const wanted = await body().finally(() => useBackend(before));
    return { result, wanted, unplannedBytes };
  };

  const cases: readonly Product[] = [
    { tiling: 'register', rows: 1, dtype: 'u4', inputAxis: 1 },
    { tiling: 'register', rows: 16, dtype: 'i8', inputAxis: 1 },
    { tiling: 'workgroup', rows: 1, dtype: 'i4', inputAxis: 1 },
    { tiling: 'workgroup', rows: 200, dtype: 'u8', inputAxis: 1 },
    { tiling: 'workgroup', rows: 200, dtype: 'u4', inputAxis: 0 },
  ];
  for (const example of cases) {
    const { tiling, rows, dtype, inputAxis } = example;
    test(`of ${rows} rows with ${dtype}, input axis ${inputAxis}, in ${tiling} tiles: makes no dense copy`, async () => {
      const { result, wanted, unplannedBytes } = await product(example);
      // The product is the only kernel: it keeps nothing at all.
      expect(unplannedBytes).toBe(0);
      expect(result).toHaveLength(rows * out);
      result.forEach((value, i) => {
        expect(Math.abs(value - (wanted[i] ?? Number.NaN))).toBeLessThanOrEqual(bound);
      });
    });
  }

  test('of many rows in register tiles may: each thread would unpack each weight again', async () => {
    const { result, wanted } = await product({
      tiling: 'register',
      rows: 200,
      dtype: 'u4',
      inputAxis: 1,
    });
    result.forEach((value, i) => {
      expect(Math.abs(value - (wanted[i] ?? Number.NaN))).toBeLessThanOrEqual(bound);
    });
  });
});
