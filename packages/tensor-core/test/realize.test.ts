import {
  add,
  type Backend,
  compile,
  createReferenceBackend,
  evaluate,
  exp,
  mul,
  realize,
  referenceProvider,
  selectBackend,
  type Tensor,
  tensor,
  useBackend,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';

/** The reference, counting what it is asked for. */
function countingBackend(): { backend: Backend; compiled: () => number; runs: () => number } {
  const reference = createReferenceBackend();
  let [compiled, runs] = [0, 0];
  const backend: Backend = {
    ...reference,
    compile(program, constants) {
      compiled += 1;
      return reference.compile(program, constants);
    },
    run(executable, inputs) {
      runs += 1;
      return reference.run(executable, inputs);
    },
  };
  return { backend, compiled: () => compiled, runs: () => runs };
}

async function on(backend: Backend, body: () => Promise<void>): Promise<void> {
  const before = useBackend(backend);
  try {
    await body();
  } finally {
    useBackend(before);
  }
}

test('nothing is computed before it is read', async () => {
  const { backend, runs } = countingBackend();
  await on(backend, async () => {
    const y = exp(tensor([0]));
    expect(runs()).toBe(0);
    expect(await y.item()).toBe(1);
    expect(runs()).toBe(1);
  });
});

test('what is computed once is not computed again', async () => {
  const { backend, runs } = countingBackend();
  await on(backend, async () => {
    const y = exp(tensor([0]));
    await y.data();
    await y.data();
    expect(runs()).toBe(1);
    expect(await add(y, 1).item()).toBe(2);
    expect(runs()).toBe(2);
  });
});

test('the same arithmetic on other numbers runs the same program', async () => {
  const { backend, compiled, runs } = countingBackend();
  await on(backend, async () => {
    const double = (value: number): Promise<number> => mul(tensor([value]), 2).item();
    expect([await double(1), await double(5)]).toEqual([2, 10]);
    expect([compiled(), runs()]).toEqual([1, 2]);
    await mul(tensor([1, 2]), 2).data();
    expect(compiled()).toBe(2);
  });
});

test('several tensors are computed in one program, and each once', async () => {
  const { backend, runs } = countingBackend();
  await on(backend, async () => {
    const y = exp(tensor([0, 0]));
    const tree = { y, rest: [add(y, 1), y] };
    expect(await evaluate(tree)).toBe(tree);
    expect(runs()).toBe(1);
    realize(y);
    expect(runs()).toBe(1);
    expect([...(await (tree.rest[0] as Tensor).data())]).toEqual([2, 2]);
  });
});

test('host data goes to a backend once, and compiled functions keep their constants there', async () => {
  const { backend } = countingBackend();
  let writes = 0;
  const counting: Backend = {
    ...backend,
    write(type, data) {
      writes += 1;
      return backend.write(type, data);
    },
  };
  await on(counting, async () => {
    const weight = tensor([2]);
    const scale = compile((x: Tensor) => mul(x, weight));
    const x = tensor([3]);
    expect(await scale(x).item()).toBe(6);
    expect(await scale(x).item()).toBe(6);
    expect(writes).toBe(2);
  });
});

test('host data can be used on one backend after another', async () => {
  const x = tensor([1, 2]);
  expect([...(await add(x, 1).data())]).toEqual([2, 3]);
  await on(createReferenceBackend(), async () => {
    expect([...(await add(x, 1).data())]).toEqual([2, 3]);
  });
  expect([...(await add(x, 2).data())]).toEqual([3, 4]);
});

test('the best backend that can run is selected, or the one that is named', async () => {
  const before = useBackend(createReferenceBackend());
  const never = { name: 'never', rank: 9, probe: async () => ({ available: false, reason: 'no' }) };
  const create = async (): Promise<Backend> => createReferenceBackend();
  const providers = [referenceProvider, { ...never, create }];
  expect((await selectBackend(providers)).name).toBe('reference');
  const fast = { ...createReferenceBackend(), name: 'fast' };
  const good = {
    name: 'fast',
    rank: 5,
    probe: async () => ({ available: true, reason: 'yes' }),
    create: async () => fast,
  };
  expect(await selectBackend([...providers, good])).toBe(fast);
  expect(useBackend(before)).toBe(fast);
  expect((await selectBackend([...providers, good], 'reference')).name).toBe('reference');
  useBackend(before);
});
