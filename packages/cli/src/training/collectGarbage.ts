import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Backend } from '@lorikeet/tensor-core';

/** Frees what an ended run held on a backend, so that it does not count as memory of the next one. */
export async function collectGarbage({ limits }: Backend): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') return;
  const { liveBytes } = limits();
  for (let before = Number.POSITIVE_INFINITY; liveBytes() < before; ) {
    before = liveBytes();
    collect();
    // Tensors are given back when the engine tells that nobody has them, which it does between tasks.
    await new Promise((resolve) => setTimeout(resolve, 20));
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
