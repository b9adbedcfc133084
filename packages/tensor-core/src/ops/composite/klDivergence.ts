import { LorikeetError } from '../../errors.ts';
import { type LossReduction, reduceLoss } from '../../lossReduction.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { broadcastShapes } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { div } from '../binary/div.ts';
import { greater } from '../binary/greater.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { where } from '../binary/where.ts';
import { sum } from '../reduce/sum.ts';
import { exp } from '../unary/exp.ts';
import { log } from '../unary/log.ts';

export type KlDivergenceAttributes = {
  readonly reduction: LossReduction | 'batchmean';
  readonly logTarget: boolean;
};

export const klDivergenceOp: Composite<KlDivergenceAttributes> = {
  kind: 'composite',
  name: 'klDivergence',
  body(inputs, { reduction, logTarget }) {
    const [logQ, target] = [operand(inputs, 0), operand(inputs, 1)];
    broadcastShapes('klDivergence', logQ.shape, target.shape);
    const loss = logTarget
      ? mul(exp(target), sub(target, logQ))
      : sub(timesItsLogarithm(target), mul(target, logQ));
    if (reduction !== 'batchmean') return reduceLoss(loss, reduction);
    if (loss.rank > 0) return div(sum(loss), Math.max(loss.shape[0] ?? 1, 1));
    throw new LorikeetError('shape-mismatch', 'klDivergence: a scalar has no batch', {
      expected: 'at least one axis, the batch',
      received: '[]',
    });
  },
  sample(draw) {
    const shape = draw.shape({ minRank: 1, minSide: 1 });
    const logTarget = draw.boolean();
    const target = logTarget ? { shape } : { shape, range: [0.1, 1] as const };
    return {
      inputs: [{ shape }, target],
      attributes: {
        reduction: draw.pick(['batchmean', 'mean', 'sum', 'none'] as const),
        logTarget,
      },
    };
  },
};

export interface KlDivergenceOptions {
  /** `'batchmean'` divides the sum by the first side, which makes it the divergence. Defaults to `'mean'`. */
  readonly reduction?: LossReduction | 'batchmean';
  /** Whether the target holds logarithms. Defaults to false. */
  readonly logTarget?: boolean;
}

/**
 * How far the distribution with logarithms `logQ` is from `target`, `target * (log(target) - logQ)`
 * (Kullback and Leibler 1951); in nats. The signature is that of PyTorch.
 *
 * @throws LorikeetError `shape-mismatch` if the operands do not broadcast.
 */
export function klDivergence(
  logQ: Tensor,
  target: Tensor,
  { reduction = 'mean', logTarget = false }: KlDivergenceOptions = {},
): Tensor {
  return record(klDivergenceOp, [logQ, target], { reduction, logTarget });
}

/** `p log(p)`, which is 0 at 0. */
function timesItsLogarithm(p: Tensor): Tensor {
  const isPositive = greater(p, 0);
  return where(isPositive, mul(p, log(where(isPositive, p, 1))), 0);
}
