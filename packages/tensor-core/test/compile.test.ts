import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  add,
  type Backend,
  type Compiled,
  compile,
  createReferenceBackend,
  currentBackend,
  formatProgram,
  grad,
  isLorikeetError,
  memoryScope,
  mul,
  sum,
  type Tensor,
  tensor,
  useBackend,
} from '@lorikeet/tensor-core';
import { expect, test, vi } from 'vitest';

async function values(x: Tensor): Promise<number[]> {
  return [...(await x.data())];
}

/** A compiled function that multiplies by 2, and how often it was traced. */
function counted(): { double: Compiled<[Tensor], Tensor>; traces: () => number } {
  let traces = 0;
  const double = compile((x: Tensor) => {
    traces += 1;
    return mul(x, 2);
  });
  return { double, traces: () => traces };
}

test('a compiled function gives what the function gives', async () => {
  const f = compile((x: Tensor, y: Tensor) => ({ sum: add(x, y), scaled: [mul(x, 3)] }));
  const { sum: total, scaled } = f(tensor([1, 2]), tensor([10, 20]));
  expect(await values(total)).toEqual([11, 22]);
  expect(await values(scaled[0] as Tensor)).toEqual([3, 6]);
});

test('a function is traced once for each shape and dtype', async () => {
  const { double, traces } = counted();
  expect(await values(double(tensor([1, 2])))).toEqual([2, 4]);
  expect(await values(double(tensor([3, 4])))).toEqual([6, 8]);
  expect(traces()).toBe(1);
  double(tensor([1, 2, 3]));
  expect(traces()).toBe(2);
  double(tensor([1, 2], [2], 'f64'));
  expect(traces()).toBe(3);
  double(tensor([[5], [6]]));
  expect(traces()).toBe(4);
  expect(double.planCount()).toBe(4);
});

test('arguments that are not tensors are part of the signature', async () => {
  let traces = 0;
  const scale = compile((x: Tensor, options: { by: number; name: string }) => {
    traces += 1;
    return mul(x, options.by);
  });
  expect(await values(scale(tensor([1]), { by: 2, name: 'a' }))).toEqual([2]);
  expect(await values(scale(tensor([1]), { by: 3, name: 'a' }))).toEqual([3]);
  expect(traces).toBe(2);
  scale(tensor([1]), { by: 2, name: 'a' });
  expect(traces).toBe(2);
  scale(tensor([1]), { by: 2, name: 'b' });
  expect(traces).toBe(3);
});

test('the plans used longest ago are forgotten beyond maxPlans', () => {
  let traces = 0;
  const f = compile(
    (x: Tensor) => {
      traces += 1;
      return mul(x, 2);
    },
    { maxPlans: 2 },
  );
  const of = (size: number): Tensor => tensor(new Float32Array(size));
  f(of(1));
  f(of(2));
  f(of(1));
  f(of(3));
  expect([traces, f.planCount()]).toEqual([3, 2]);
  f(of(1));
  expect(traces).toBe(3);
  f(of(2));
  expect(traces).toBe(4);
});

test('computed tensors that the function closes over are constants of its program', async () => {
  const weight = tensor([10, 20]);
  const f = compile((x: Tensor) => mul(x, weight));
  expect(await values(f(tensor([1, 2])))).toEqual([10, 40]);
  expect(formatProgram(f.program(tensor([1, 2])))).toMatchInlineSnapshot(`
    "(a: f32[2])
    b: f32[2] = constant
    c: f32[2] = mul a b
    return c"
  `);
});

test('an operand that is not computed yet is computed for the call', async () => {
  const { double } = counted();
  expect(await values(double(add(tensor([1]), 1)))).toEqual([4]);
});

test('a compiled function called in another transform is part of it', async () => {
  const { double, traces } = counted();
  const slope = compile(grad((x: Tensor) => sum(mul(double(x), x))));
  expect(await values(slope(tensor([1, 2])))).toEqual([4, 8]);
  expect(double.planCount()).toBe(0);
  expect(traces()).toBe(1);
});

test('an argument may be returned as it is, and one result twice', async () => {
  const f = compile((x: Tensor) => {
    const y = mul(x, 2);
    return [x, y, y];
  });
  const results = f(tensor([1, 2]));
  expect(await Promise.all(results.map(values))).toEqual([
    [1, 2],
    [2, 4],
    [2, 4],
  ]);
});

test('a donated argument cannot be used any more', async () => {
  const step = compile((state: { w: Tensor }, x: Tensor) => ({ w: add(state.w, x) }), {
    donate: [0],
  });
  const [before, x] = [{ w: tensor([1]) }, tensor([5])];
  const after = step(before, x);
  expect(await values(after.w)).toEqual([6]);
  expect(await values(x)).toEqual([5]);
  await expect(before.w.data()).rejects.toSatisfy((e) => isLorikeetError(e, 'tensor-freed'));
  expect(() => step(before, x)).toThrow('used after it was freed');
});

test('donated state takes no more memory however often the step runs', () => {
  const step = compile((state: Tensor) => mul(state, 0.5), { donate: [0] });
  let state = step(tensor(new Float32Array(1000)));
  const { liveBytes } = currentBackend().limits();
  const before = liveBytes();
  for (let i = 0; i < 10; i++) state = step(state);
  expect(liveBytes()).toBe(before);
});

test('what a function closes over is given back when nobody has the function any more', async () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const { liveBytes } = currentBackend().limits();
  const bytes = 2 ** 22;
  const before = liveBytes();
  const use = async (seed: number): Promise<void> => {
    const weight = add(tensor(new Float32Array(bytes / 4)), seed);
    await weight.data();
    const scale = compile((x: Tensor) => mul(x, weight).sum());
    expect(await values(scale(tensor([1])))).toEqual([(seed * bytes) / 4]);
    expect(liveBytes()).toBeGreaterThanOrEqual(bytes);
  };
  for (let seed = 0; seed < 4; seed++) await use(seed);
  await vi.waitFor(
    () => {
      collect();
      expect(liveBytes()).toBeLessThan(before + bytes);
    },
    { timeout: 20_000 },
  );
});

test('a plan made in a memory scope keeps its constants when the scope ends', async () => {
  let traces = 0;
  const f = compile((x: Tensor) => {
    traces += 1;
    return add(x, tensor([1, 2, 3]));
  });
  const x = tensor([0, 0, 0]);
  {
    using _ = memoryScope();
    expect(await values(f(x))).toEqual([1, 2, 3]);
  }
  await values(add(tensor([7, 7, 7]), 1));
  expect(await values(f(x))).toEqual([1, 2, 3]);
  expect(traces).toBe(1);
});

test('a plan whose constant was freed is not run', async () => {
  const f = ((): Compiled<[Tensor], Tensor> => {
    using _ = memoryScope();
    const weight = tensor([2]);
    const scale = compile((x: Tensor) => mul(x, weight));
    scale(tensor([1]));
    return scale;
  })();
  expect(() => f(tensor([1]))).toThrow('used after it was freed');
});

test('a plan is of one backend, not of all that have its name', async () => {
  const double = compile((x: Tensor) => mul(x, 2));
  const compiled: string[] = [];
  const named = (which: string): Backend => {
    const backend = createReferenceBackend();
    return {
      ...backend,
      compile(program, constants) {
        compiled.push(which);
        return backend.compile(program, constants);
      },
    };
  };
  for (const which of ['first', 'second']) {
    const before = useBackend(named(which));
    try {
      expect([...(await double(tensor([1, 2])).data())]).toEqual([2, 4]);
    } finally {
      useBackend(before);
    }
  }
  expect(compiled).toContain('second');
  expect(double.planCount()).toBe(2);
});
