import { formatShape, LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import type { Router } from './router.ts';

/** Gates that are known before the weight is called. */
export class GivenRouter implements Router {
  /** [B, T, n] */
  readonly gates: Tensor;

  constructor(gates: Tensor) {
    this.gates = gates;
  }

  call(x: Tensor): Tensor {
    const { shape } = this.gates;
    const rows = x.shape.slice(0, -1);
    if (
      rows.length + 1 === shape.length &&
      rows.every((side, i) => side === shape[i] || shape[i] === 1)
    )
      return this.gates;
    throw new LorikeetError('shape-mismatch', 'the gates are not those of this input', {
      expected: `[${shape.slice(0, -1).join(', ')}, in]`,
      received: formatShape(x.shape),
      hint: 'a module that sees no tokens cannot be routed token by token',
    });
  }
}
