import { type LossOptions, type LossReduction, reduceLoss } from '../../lossReduction.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { broadcastShapes, type Shape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { neg } from '../unary/neg.ts';
import { softplus } from './softplus.ts';

export type BinaryCrossEntropyAttributes = {
  readonly reduction: LossReduction;
  /** Whether the third operand is a weight, and the next one the weight of positive targets. */
  readonly weighted: boolean;
  readonly posWeighted: boolean;
};

export const binaryCrossEntropyOp: Composite<BinaryCrossEntropyAttributes> = {
  kind: 'composite',
  name: 'binaryCrossEntropy',
  body(inputs, { reduction, weighted, posWeighted }) {
    const [logits, targets] = [operand(inputs, 0), operand(inputs, 1)];
    inputs.reduce((shape: Shape, x) => broadcastShapes('binaryCrossEntropy', shape, x.shape), []);
    // -log(sigmoid(x)) is softplus(-x), and -log(1 - sigmoid(x)) is softplus(x).
    const positive = mul(targets, softplus(neg(logits)));
    const negative = mul(sub(1, targets), softplus(logits));
    const counted = posWeighted ? mul(positive, operand(inputs, weighted ? 3 : 2)) : positive;
    const loss = add(counted, negative);
    return reduceLoss(weighted ? mul(loss, operand(inputs, 2)) : loss, reduction);
  },
  sample(draw) {
    const shape = draw.shape({ minSide: 1 });
    const [weighted, posWeighted] = [draw.boolean(), draw.boolean()];
    const weight = (): { shape: number[]; range: readonly [number, number] } => ({
      shape: draw.broadcastable(shape),
      range: [0.5, 2],
    });
    return {
      inputs: [
        { shape, avoid: [0] },
        { shape, range: [0, 1] },
        ...(weighted ? [weight()] : []),
        ...(posWeighted ? [weight()] : []),
      ],
      attributes: {
        reduction: draw.pick(['mean', 'sum', 'none'] as const),
        weighted,
        posWeighted,
      },
    };
  },
};

export interface BinaryCrossEntropyOptions extends LossOptions {
  /** What each loss is multiplied with; broadcasts. */
  readonly weight?: Tensor;
  /** What the part of positive targets is multiplied with; broadcasts, one for each class for example. */
  readonly posWeight?: Tensor;
}

/**
 * The negative logarithm of the probability that `sigmoid(logits)` gives to `targets`; in nats. As PyTorch's
 * `binary_cross_entropy_with_logits`.
 *
 * @param targets of the shape of `logits`, from 0 to 1.
 * @throws LorikeetError `shape-mismatch` if the operands do not broadcast.
 */
export function binaryCrossEntropy(
  logits: Tensor,
  targets: Tensor,
  { weight, posWeight, reduction = 'mean' }: BinaryCrossEntropyOptions = {},
): Tensor {
  const operands = [
    logits,
    targets,
    ...(weight ? [weight] : []),
    ...(posWeight ? [posWeight] : []),
  ];
  return record(binaryCrossEntropyOp, operands, {
    reduction,
    weighted: weight !== undefined,
    posWeighted: posWeight !== undefined,
  });
}
