import type { AnyOp } from '@lorikeet/tensor-core';
import * as core from '@lorikeet/tensor-core';

/** Every op that tensor-core exports: what a backend has to run. */
export const everyOp: readonly AnyOp[] = Object.values<unknown>(core).filter(isOp);

function isOp(value: unknown): value is AnyOp {
  return typeof value === 'object' && value !== null && 'kind' in value && 'sample' in value;
}
