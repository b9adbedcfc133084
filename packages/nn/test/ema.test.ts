import { ema } from '@lorikeet/nn';
import { compile, evaluate, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { expectClose, numbers } from './support.ts';

const values = [
  [1, -2],
  [3, 0],
  [-1, 5],
].map((value) => ({ w: tensor(value, [2], 'f64'), frozen: null }));
const [first = { w: tensor([0]), frozen: null }] = values;

/** The average after each of the three values. */
async function averages(mean: ReturnType<typeof ema>): Promise<number[][]> {
  let state = mean.init(first);
  const trace: number[][] = [];
  for (const value of values) {
    state = await evaluate(mean.update(value, state));
    trace.push(await numbers(mean.average(value, state).w));
  }
  return trace;
}

describe('ema', () => {
  test('starts from the first values, and takes up a part of each next', async () => {
    const trace = await averages(ema({ decay: 0.75 }));
    expectClose(trace.flat(), [1, -2, 1.5, -1.5, 0.875, 0.125], 1e-12);
  });

  test('without a bias weighs all values, those of late more', async () => {
    const trace = await averages(ema({ decay: 0.5, debias: true }));
    const second = [(1 + 2 * 3) / 3, -2 / 3];
    const third = [(1 + 2 * 3 - 4) / 7, (-2 + 4 * 5) / 7];
    expectClose(trace.flat(), [1, -2, ...second, ...third], 1e-12);
  });

  test.each([true, false])(
    'is what it is given before it has seen any (debias %s)',
    async (debias) => {
      const mean = ema({ debias });
      const { w, frozen } = mean.average(first, mean.init(first));
      expect([await numbers(w), frozen]).toEqual([[1, -2], null]);
    },
  );

  test('keeps half precision in f32, and gives it back as it was', async () => {
    const mean = ema({ decay: 0.999 });
    const one = { w: tensor([1], [1], 'bf16') };
    const more = { w: tensor([1.0078125], [1], 'bf16') };
    let state = mean.update(one, mean.init(one));
    for (let i = 0; i < 100; i++) state = await evaluate(mean.update(more, state));
    expect(state.mean.w.dtype).toBe('f32');
    expectClose(await numbers(state.mean.w), [1.0078125 - 0.0078125 * 0.999 ** 100]);
    expect(mean.average(one, state).w.dtype).toBe('bf16');
  });

  test('shares no memory with the parameters, so that it can be donated', async () => {
    const mean = ema({ decay: 0.5 });
    const start = await evaluate({ w: tensor([2]) });
    const update = compile(
      (p: typeof start, s: ReturnType<typeof mean.init<typeof start>>) => mean.update(p, s),
      {
        donate: [1],
      },
    );
    let state = await evaluate(mean.init(start));
    for (let i = 0; i < 3; i++) state = update(start, state);
    expect(await numbers(mean.average(start, state).w)).toEqual([2]);
    expect(await numbers(start.w)).toEqual([2]);
    expect(update.planCount()).toBe(1);
  });
});
