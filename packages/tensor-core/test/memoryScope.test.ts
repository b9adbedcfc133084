import {
  add,
  currentBackend,
  exp,
  isLorikeetError,
  memoryScope,
  mul,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';

const liveBytes = (): number => currentBackend().limits().liveBytes();
const isFreed = (error: unknown): boolean => isLorikeetError(error, 'tensor-freed');
const bytes = 4 * 1000;
const large = (): Tensor => tensor(new Float32Array(1000));

test('a scope frees what is computed in it', async () => {
  const before = liveBytes();
  let lost: Tensor | undefined;
  {
    using _ = memoryScope();
    lost = exp(large());
    await lost.data();
    expect(liveBytes()).toBe(before + 2 * bytes);
  }
  expect(liveBytes()).toBe(before);
  await expect(lost.data()).rejects.toSatisfy(isFreed);
});

test('a scope leaves what is kept, and computes it', async () => {
  const before = liveBytes();
  const kept = ((): { result: Tensor; label: string } => {
    using scope = memoryScope();
    const x = large();
    return scope.keep({ result: add(exp(x), mul(x, 2)), label: 'a tree' });
  })();
  expect(liveBytes()).toBe(before + bytes);
  expect((await kept.result.data())[999]).toBe(1);
  expect(kept.label).toBe('a tree');
});

test('a scope leaves what was made before it', async () => {
  const x = large();
  await exp(x).data();
  const before = liveBytes();
  {
    using _ = memoryScope();
    await exp(x).data();
  }
  expect(liveBytes()).toBe(before);
  expect((await exp(x).data())[0]).toBe(1);
});

test('what an inner scope keeps belongs to the outer one', async () => {
  const before = liveBytes();
  let kept: Tensor | undefined;
  {
    using _ = memoryScope();
    {
      using inner = memoryScope();
      kept = inner.keep(exp(large()));
    }
    expect(liveBytes()).toBe(before + bytes);
    expect((await kept.data())[0]).toBe(1);
  }
  expect(liveBytes()).toBe(before);
  await expect(kept.data()).rejects.toSatisfy(isFreed);
});

test('a loop in scopes takes no more memory however long it runs', async () => {
  const step = async (state: Tensor): Promise<Tensor> => {
    using scope = memoryScope();
    return scope.keep(add(mul(state, 0.5), large()));
  };
  let state = await step(large());
  state = await step(state);
  const before = liveBytes();
  for (let i = 0; i < 5; i++) {
    const next = await step(state);
    state.storage?.free();
    state = next;
  }
  expect(liveBytes()).toBe(before);
});

test('what a caller put into a tensor is left alone when the tensor is freed', async () => {
  const data = new Float32Array([1, 2, 3, 4, 5]);
  {
    using _ = memoryScope();
    await exp(tensor(data)).data();
  }
  for (let i = 0; i < 3; i++) await mul(tensor(new Float32Array(5)), 7).data();
  expect([...data]).toEqual([1, 2, 3, 4, 5]);
});

test('a scope that ends twice frees once, and one that is left by an error frees too', () => {
  const before = liveBytes();
  const scope = memoryScope();
  scope.keep(exp(large())).storage?.free();
  scope[Symbol.dispose]();
  scope[Symbol.dispose]();
  expect(() => {
    using inner = memoryScope();
    inner.keep(exp(large())).storage?.free();
    throw new Error('on the way');
  }).toThrow('on the way');
  expect(liveBytes()).toBe(before);
});
