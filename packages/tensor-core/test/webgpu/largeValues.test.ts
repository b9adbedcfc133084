import {
  type Backend,
  compile,
  gather,
  matmul,
  mul,
  type Tensor,
  tensor,
  useBackend,
} from '@lorikeet/tensor-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeOnWebgpu } from './describeOnWebgpu.ts';

/** The table of words of GPT-2, 154 MB: more than llvmpipe can bind at once, and more groups than a side of a grid has. */
const [rows, columns] = [50_257, 768];
/** The first, the last, and the one in which the first binding of 128 MiB ends. */
const wanted = [0, 43_690, rows - 1];

await describeOnWebgpu('a tensor larger than a binding', (backend) => {
  let before: Backend;
  beforeAll(() => {
    before = useBackend(backend);
  });
  afterAll(() => {
    useBackend(before);
  });

  test('is written, gathered from and multiplied as any other', async () => {
    const at = (row: number, column: number): number => ((row * columns + column) % 1009) - 504;
    const data = new Float32Array(rows * columns);
    for (let i = 0; i < data.length; i++) data[i] = (i % 1009) - 504;
    const table = tensor(data, [rows, columns]);
    const doubled = compile((t: Tensor) => mul(t, 2))(table);
    const found = await gather(doubled, tensor(wanted, [wanted.length], 'i32'), 0).data();
    expect(found).toEqual(
      Float32Array.from(
        wanted.flatMap((row) => Array.from({ length: columns }, (_, i) => 2 * at(row, i))),
      ),
    );
    // One word beside all: the last of the results come from behind the first binding.
    const word = tensor(
      Array.from({ length: columns }, (_, i) => (i === 5 ? 1 : 0)),
      [columns, 1],
    );
    const scores = await matmul(table, word).data();
    expect(wanted.map((row) => scores[row])).toEqual(wanted.map((row) => at(row, 5)));
    expect(scores).toHaveLength(rows);
  });
});
