import type { Composite, Sample } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { requireElements } from '../../reduction.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { mul } from '../binary/mul.ts';
import { sub } from '../binary/sub.ts';
import { mean } from '../reduce/mean.ts';
import { rsqrt } from '../unary/rsqrt.ts';

export type LayerNormAttributes = { readonly epsilon: number };

export const layerNormOp: Composite<LayerNormAttributes> = {
  kind: 'composite',
  name: 'layerNorm',
  body(inputs, attributes) {
    const [x, weight, bias] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    requireElements('layerNorm', x.shape, [x.rank - 1]);
    return add(mul(normalized(x, attributes).x, weight), bias);
  },
  derivative({ inputs, gradient, attributes }) {
    const [x, weight] = [operand(inputs, 0), operand(inputs, 1)];
    const { x: unit, inverse } = normalized(x, attributes);
    const g = mul(gradient, weight);
    const along = { keepAxes: true };
    const tangent = sub(sub(g, mean(g, -1, along)), mul(unit, mean(mul(g, unit), -1, along)));
    return [mul(tangent, inverse), mul(gradient, unit), gradient];
  },
  sample(draw): Sample<LayerNormAttributes> {
    const shape = draw.shape({ minRank: 1, minSide: 1 });
    const side = shape.slice(-1);
    return {
      inputs: [{ shape }, { shape: side }, { shape: side }],
      attributes: { epsilon: draw.pick([1e-5, 0.1]) },
    };
  },
};

/**
 * `x` shifted and scaled to mean 0 and variance 1 along its last axis, then scaled by `weight` and shifted
 * by `bias`. Ba, Kiros and Hinton 2016.
 *
 * @param weight of the length of the last axis, as is `bias`.
 * @param epsilon added to the variance.
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor {
  return record(layerNormOp, [x, weight, bias], { epsilon });
}

function normalized(x: Tensor, { epsilon }: LayerNormAttributes): { x: Tensor; inverse: Tensor } {
  const centred = sub(x, mean(x, -1, { keepAxes: true }));
  const inverse = rsqrt(add(mean(mul(centred, centred), -1, { keepAxes: true }), epsilon));
  return { x: mul(centred, inverse), inverse };
}
