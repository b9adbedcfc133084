import { reshape, sliceAxis, type Tensor } from '@lorikeet/tensor-core';
import { parameterOf } from './parameterOf.ts';
import type { SparseEntries } from './sparseUpdate.ts';
import type { Tensors } from './variant.ts';

/** Values at the frozen `indices` of an adapter, i32 [2, n]. */
export function entriesOf(values: Tensor, frozen: Tensors): SparseEntries {
  const indices = parameterOf(frozen, 'indices');
  const part = (row: number): Tensor => reshape(sliceAxis(indices, 0, row, 1), [-1]);
  return { values, rows: part(0), columns: part(1) };
}
