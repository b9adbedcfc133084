import { type Backend, type Buffer, type Executable, useBackend } from '@lorikeet/tensor-core';
import type { WebgpuBackend } from '@lorikeet/tensor-core/webgpu';

/** What a backend compiles while `body` runs on it, and what `body` gives. */
export async function compiledBy<T>(
  backend: WebgpuBackend,
  body: () => Promise<T>,
): Promise<{ readonly result: T; readonly executables: readonly Executable[] }> {
  const executables: Executable[] = [];
  const watched: Backend = {
    ...backend,
    compile(program, constants: readonly Buffer[]) {
      const executable = backend.compile(program, constants);
      executables.push(executable);
      return executable;
    },
  };
  const before = useBackend(watched);
  try {
    return { result: await body(), executables };
  } finally {
    useBackend(before);
  }
}

/** Names of all ops that ran on the host in it. */
export function hostOpsIn(
  backend: WebgpuBackend,
  executables: readonly Executable[],
): readonly string[] {
  return executables.flatMap((executable) => backend.hostOpsOf(executable));
}
