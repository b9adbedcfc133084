import type { Backend, Executable } from './backend.ts';
import { currentBackend } from './backends.ts';
import { LorikeetError } from './errors.ts';
import { lower } from './lower.ts';
import { LruCache } from './lruCache.ts';
import type { Program } from './program.ts';
import { programKey } from './programKey.ts';
import { Storage } from './storage.ts';
import type { Tensor } from './tensor.ts';
import { isTracing } from './tracing.ts';
import { flattenTree } from './tree.ts';

const executables = new WeakMap<Backend, LruCache<Executable>>();

/**
 * Starts the computation of all given tensors together, in one program. Does not wait for it. Within a
 * function that is being traced nothing is computed: its tensors must keep how they came about.
 */
export function realize(...tensors: readonly Tensor[]): void {
  if (isTracing()) return;
  const pending = [...new Set(tensors)].filter((tensor) => tensor.storage === undefined);
  compute(pending).forEach((storage, i) => {
    pending[i]?.settle(storage);
  });
}

function compute(tensors: readonly Tensor[]): Storage[] {
  if (tensors.length === 0) return [];
  const backend = currentBackend();
  const { constants, ...lowered } = lower(tensors, [], backend.limits().isNative);
  // Computed tensors are inputs here, so that the same arithmetic on other tensors finds the same executable.
  const program: Program = {
    ...lowered,
    inputs: constants.map(({ type }) => type),
    constants: [],
    instructions: lowered.instructions.map(({ path: _, ...instruction }) => instruction),
  };
  const executable = executableOf(backend, program);
  const results = backend.run(
    executable,
    constants.map((constant) => constant.on(backend)),
  );
  return tensors.map(({ type }, i) => {
    const buffer = results[i];
    if (buffer === undefined)
      throw new LorikeetError('internal', 'a program returned too few results');
    return Storage.ofBuffer(type, backend, buffer);
  });
}

/** Computes every tensor of a tree in one program and waits for it. */
export async function evaluate<T>(tree: T): Promise<T> {
  realize(...flattenTree(tree).leaves);
  await currentBackend().synchronize();
  return tree;
}

/** The storage of a tensor, computed now if it was not. */
export function storageOf(tensor: Tensor): Storage {
  realize(tensor);
  const [storage] = tensor.storage === undefined ? compute([tensor]) : [tensor.storage];
  if (storage === undefined) throw new LorikeetError('internal', 'a tensor was not computed');
  return storage;
}

function executableOf(backend: Backend, program: Program): Executable {
  let cache = executables.get(backend);
  if (cache === undefined) {
    cache = new LruCache(256);
    executables.set(backend, cache);
  }
  const key = programKey(program);
  let executable = cache.get(key);
  if (executable === undefined) {
    executable = backend.compile(program, []);
    cache.set(key, executable);
  }
  return executable;
}
