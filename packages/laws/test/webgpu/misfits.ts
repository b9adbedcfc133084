import { requireClose } from '@lorikeet/laws';
import { type Backend, type TypedArray, useBackend } from '@lorikeet/tensor-core';

/** What is computed on the backend in use, by name. */
export type Results = () => Promise<ReadonlyMap<string, TypedArray>>;

/** How many results there are, and which of them differ between a backend and the reference. */
export async function misfits(
  results: Results,
  [backend, reference]: readonly [Backend, Backend],
): Promise<{ readonly count: number; readonly differences: readonly string[] }> {
  const expected = await on(reference, results);
  const actual = await on(backend, results);
  const differences = [...expected].flatMap(([name, values]) => {
    try {
      requireClose(name, actual.get(name) ?? [], values, 1e-5);
      return [];
    } catch (error) {
      return [String(error)];
    }
  });
  return { count: expected.size, differences };
}

async function on<T>(backend: Backend, run: () => Promise<T>): Promise<T> {
  const before = useBackend(backend);
  try {
    return await run();
  } finally {
    useBackend(before);
  }
}
