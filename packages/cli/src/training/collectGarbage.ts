import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Frees what an ended run held, so that it does not count as memory of the next one. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
  // Buffers of tensors are given back when the engine tells of it, which it does between tasks.
  await new Promise((resolve) => setTimeout(resolve, 10));
}
