import { adam, applyIfFinite, applyUpdates, chain, clipByGlobalNorm, sgd } from '@lorikeet/nn';
import { compile, evaluate, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { numbers } from './support.ts';

const start = { w: tensor([1, -2], [2], 'f64'), b: tensor([3], [1], 'f64') };
const gradientOf = (w: number, b: number): typeof start => ({
  w: tensor([w, 1], [2], 'f64'),
  b: tensor([b], [1], 'f64'),
});

describe('applyIfFinite', () => {
  const optimizer = chain(clipByGlobalNorm(100), adam({ learningRate: 0.1 }));
  const guarded = applyIfFinite(optimizer);

  test.each([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['-Infinity', Number.NEGATIVE_INFINITY],
  ])('goes on after a gradient of %s as if it had not been', async (_, wrong) => {
    const finite = [gradientOf(1, 2), gradientOf(-3, 0.5)];
    const all = [
      ...finite.slice(0, 1),
      gradientOf(1, wrong),
      gradientOf(wrong, 1),
      ...finite.slice(1),
    ];
    let [parameters, state] = [start, guarded.init(start)];
    for (const gradients of all) {
      const next = guarded.update(gradients, state, parameters);
      [parameters, state] = await evaluate([applyUpdates(parameters, next.updates), next.state]);
    }
    let [plain, inner] = [start, optimizer.init(start)];
    for (const gradients of finite) {
      const next = optimizer.update(gradients, inner, plain);
      [plain, inner] = await evaluate([applyUpdates(plain, next.updates), next.state]);
    }
    expect(await numbers(parameters.w)).toEqual(await numbers(plain.w));
    expect(await numbers(parameters.b)).toEqual(await numbers(plain.b));
    expect(await state.skipped.item()).toBe(2);
  });

  test('decides within a compiled step', async () => {
    const rate = applyIfFinite(sgd({ learningRate: 1 }));
    const step = compile((gradients: typeof start, state: ReturnType<typeof rate.init>) =>
      rate.update(gradients, state, start),
    );
    const first = step(gradientOf(Number.NaN, 0), rate.init(start));
    expect(await numbers(first.updates.w)).toEqual([0, 0]);
    const second = step(gradientOf(2, 0), first.state);
    expect(await numbers(second.updates.w)).toEqual([-2, -1]);
    expect(await second.state.skipped.item()).toBe(1);
    expect(step.planCount()).toBe(1);
  });
});
