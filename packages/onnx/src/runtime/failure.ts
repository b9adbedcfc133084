import { indexOutOfRange, isLorikeetError, LorikeetError } from '@lorikeet/tensor-core';

/** What went wrong under the backend, as a typed error. */
export function failureOf(error: unknown, doing: string): LorikeetError {
  if (isLorikeetError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  const path = pathIn(message);
  const index = /idx=(-?\d+) must be within the inclusive range \[-?\d+,\s*(-?\d+)\]/.exec(message);
  // One below 0 was given as it is without its sign.
  if (index !== null)
    return indexOutOfRange('gather', Number(index[1]) | 0, Number(index[2]) + 1, path);
  const code = isOutOfMemory(error, message) ? 'out-of-memory' : 'backend-failed';
  return new LorikeetError(code, `onnx: ${doing}: ${message}`, { path, cause: error });
}

function isOutOfMemory(error: unknown, message: string): boolean {
  return error instanceof RangeError || /bad_alloc|allocate memory|out of memory/i.test(message);
}

/** The module of the node that failed: nodes are called path/operator_value. */
function pathIn(message: string): string | undefined {
  const [, name = ''] = /Name:'([^']*)'/.exec(message) ?? [];
  return name.slice(0, Math.max(name.lastIndexOf('/'), 0)) || undefined;
}
