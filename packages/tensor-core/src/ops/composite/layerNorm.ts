import { LorikeetError } from '../../errors.ts';
import type { Composite, Sample } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { requireElements } from '../../reduction.ts';
import { formatShape, sameShape } from '../../shape.ts';
import { derivativeOfStandardize, standardize } from '../../standardize.ts';
import type { Tensor } from '../../tensor.ts';
import { add } from '../binary/add.ts';
import { mul } from '../binary/mul.ts';

/** It runs over as many of the last axes as the weight has. */
export type LayerNormAttributes = { readonly epsilon: number };

export const layerNormOp: Composite<LayerNormAttributes> = {
  kind: 'composite',
  name: 'layerNorm',
  along([x, weight]) {
    const shape = x?.shape ?? [];
    const last = weight?.shape ?? [];
    const whole = last.map(() => null);
    return [
      shape.map((_, axis) => (axis < shape.length - last.length ? axis : null)),
      whole,
      whole,
    ];
  },
  body(inputs, { epsilon }) {
    const [x, weight, bias] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    requireFit(x, weight, bias);
    const axes = lastAxes(x, weight);
    requireElements('layerNorm', x.shape, axes);
    return add(mul(standardize(x, axes, epsilon).unit, weight), bias);
  },
  derivative({ inputs, gradient, attributes: { epsilon } }) {
    const [x, weight] = [operand(inputs, 0), operand(inputs, 1)];
    const axes = lastAxes(x, weight);
    const standardized = standardize(x, axes, epsilon);
    return [
      derivativeOfStandardize(standardized, axes, mul(gradient, weight)),
      mul(gradient, standardized.unit),
      gradient,
    ];
  },
  sample(draw): Sample<LayerNormAttributes> {
    const shape = draw.shape({ minRank: 1, minSide: 1 });
    const sides = shape.slice(-draw.integer(1, shape.length));
    return {
      inputs: [{ shape }, { shape: sides }, { shape: sides }],
      attributes: { epsilon: draw.pick([1e-5, 0.1]) },
    };
  },
};

/**
 * `x` shifted and scaled to mean 0 and variance 1 over its last axes, then scaled by `weight` and shifted by
 * `bias`. Ba, Kiros and Hinton 2016.
 *
 * @param weight of the shape of the last axis, or of as many as are to be normalised over; as is `bias`.
 * @param epsilon added to the variance.
 * @throws LorikeetError `shape-mismatch` if `weight` or `bias` has another shape.
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor {
  return record(layerNormOp, [x, weight, bias], { epsilon });
}

function lastAxes(x: Tensor, weight: Tensor): number[] {
  return weight.shape.map((_, i) => x.rank - weight.rank + i);
}

function requireFit(x: Tensor, weight: Tensor, bias: Tensor): void {
  const isLast = weight.rank > 0 && sameShape(weight.shape, x.shape.slice(-weight.rank));
  if (isLast && sameShape(weight.shape, bias.shape)) return;
  throw new LorikeetError(
    'shape-mismatch',
    `layerNorm: weight ${formatShape(weight.shape)} and bias ${formatShape(bias.shape)} do not fit ${formatShape(x.shape)}`,
    {
      expected: 'both of the shape of the last axes of the input',
      received: `${formatShape(weight.shape)} and ${formatShape(bias.shape)}`,
    },
  );
}
