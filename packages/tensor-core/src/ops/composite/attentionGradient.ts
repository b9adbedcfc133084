import {
  type AttentionAttributes,
  attentionWeights,
  byGroup,
  dropped,
  onlySeen,
  requireAttention,
  sampleAttention,
} from '../../attentionWeights.ts';
import { LorikeetError } from '../../errors.ts';
import type { Composite } from '../../op.ts';
import { operand } from '../../operand.ts';
import { formatShape, type Shape, sameShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { dot } from '../contraction/dot.ts';
import { reshape } from '../movement/reshape.ts';
import { sum } from '../reduce/sum.ts';

/** Which operand of attention the derivative is by. */
export type AttentionGradientAttributes = AttentionAttributes & {
  readonly by: 'query' | 'key' | 'value' | 'bias';
};

const alongHeads = [
  [0, 1],
  [0, 1],
] as const;

/**
 * The derivative of attention by one operand. The operands are those of attention, its result, and the derivative of
 * the objective by that. A backend may compute it without the matrix of weights (Dao et al. 2022).
 */
export const attentionGradientOp: Composite<AttentionGradientAttributes> = {
  kind: 'composite',
  name: 'attentionGradient',
  body(inputs, attributes) {
    requireAttention(inputs, attributes);
    const [query, key, value] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    const [output, gradient] = [
      operand(inputs, inputs.length - 2),
      operand(inputs, inputs.length - 1),
    ];
    requireShape(output, 'result', query, value);
    requireShape(gradient, 'derivative', query, value);
    const given = inputs.slice(0, -2);
    const weights = attentionWeights(given, attributes);
    const outer = byGroup(gradient, value);
    if (attributes.by === 'value') {
      const kept = byGroup(dropped(weights, given, attributes), value);
      return dot(kept, outer, { contract: [[2], [2]], batch: alongHeads });
    }
    const byKept = reshape(
      dot(outer, value, { contract: [[3], [3]], batch: alongHeads }),
      weights.shape,
    );
    // The mean of the derivatives by a row of weights is that of the output along the output.
    const mean = sum(mul(gradient, output), -1, { keepAxes: true });
    const slope = mul(weights, sub(dropped(byKept, given, attributes), mean));
    const byScores = onlySeen(slope, given, attributes);
    if (attributes.by === 'bias') return byScores;
    const byProducts = byGroup(byScores, value);
    if (attributes.by === 'key')
      return dot(byProducts, byGroup(mul(query, attributes.scale), key), {
        contract: [[2], [2]],
        batch: alongHeads,
      });
    const byQuery = dot(byProducts, key, { contract: [[3], [2]], batch: alongHeads });
    return reshape(mul(byQuery, attributes.scale), query.shape);
  },
  sample(draw) {
    const { inputs, attributes } = sampleAttention(draw);
    const [query, , value] = inputs.map(({ shape }) => shape);
    const output = resultShape(query ?? [], value ?? []);
    return {
      inputs: [...inputs, { shape: output }, { shape: output }],
      attributes: { ...attributes, by: draw.pick(['query', 'key', 'value', 'bias']) },
    };
  },
};

function resultShape(query: Shape, value: Shape): Shape {
  return [...query.slice(0, 3), value[3] ?? 0];
}

function requireShape(given: Tensor, name: string, query: Tensor, value: Tensor): void {
  const shape = resultShape(query.shape, value.shape);
  if (sameShape(given.shape, shape)) return;
  throw new LorikeetError('shape-mismatch', `attentionGradient: the ${name} does not fit`, {
    expected: formatShape(shape),
    received: formatShape(given.shape),
  });
}
