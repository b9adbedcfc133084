import { type ErrorCode, isLorikeetError, LorikeetError } from '@lorikeet/tensor-core';

/** What went wrong under the backend, as a typed error. */
export function failureOf(error: unknown, doing: string): LorikeetError {
  if (isLorikeetError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new LorikeetError(codeOf(error, message), `onnx: ${doing}: ${message}`, { cause: error });
}

function codeOf(error: unknown, message: string): ErrorCode {
  if (error instanceof RangeError || /bad_alloc|allocate memory|out of memory/i.test(message))
    return 'out-of-memory';
  if (/out of (data )?bounds|out-of-bounds|must be within the inclusive range/i.test(message))
    return 'index-out-of-range';
  return 'backend-failed';
}
