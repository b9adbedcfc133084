import {
  equal,
  formatShape,
  LorikeetError,
  reshape,
  type Tensor,
  where,
} from '@lorikeet/tensor-core';

/** `chosen` in the rows with a number, `other` in the rest. @param rows i32[B] @param chosen [B, ...] */
export function selectRows(rows: Tensor, number: number, chosen: Tensor, other: Tensor): Tensor {
  requireRows(chosen, rows);
  const ours = reshape(equal(rows, number), [rows.size, ...chosen.shape.slice(1).map(() => 1)]);
  return where(ours, chosen, other);
}

/** Throws `shape-mismatch` for a tensor whose first axis is not that of the rows. */
export function requireRows(x: Tensor, rows: Tensor): void {
  if (x.rank > 0 && x.shape[0] === rows.size) return;
  throw new LorikeetError(
    'shape-mismatch',
    'an adapter for each row needs an input with those rows',
    {
      expected: `[${rows.size}, ...]`,
      received: formatShape(x.shape),
      hint: 'a module that sees no batch, such as a table of positions, can have one adapter only',
    },
  );
}
