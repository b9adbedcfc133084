import { asTensor, unaryPrimitive } from '../../elementwise.ts';
import type { NoAttributes, Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import type { Tensor, TensorLike } from '../../tensor.ts';
import { mul } from '../binary/mul.ts';
import { exp } from './exp.ts';
import { neg } from './neg.ts';

export const erfOp: Primitive<NoAttributes> = unaryPrimitive({
  name: 'erf',
  wgsl: ([x]) => `errorFunction(${x})`,
  vanishes: 'every',
  loop(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = errorFunction(x[i] as number);
  },
  derivative({ inputs, gradient }) {
    const x = operand(inputs, 0);
    return [mul(gradient, mul(2 / Math.sqrt(Math.PI), exp(neg(mul(x, x)))))];
  },
  sample: { range: [-7, 7] },
});

/** The error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x. Elementwise. */
export function erf(x: TensorLike): Tensor {
  return record(erfOp, [asTensor(x)], {});
}

/** Cody, "Rational Chebyshev approximation for the error function" (1969): within about 1e-16 for all x. */
function errorFunction(x: number): number {
  const z = Math.abs(x);
  if (z <= 0.46875) return (x * polynomial(small.above, x * x)) / polynomial(small.below, x * x);
  if (z > 6) return Math.sign(x);
  const gauss = Math.exp(-z * z);
  if (z <= 4)
    return Math.sign(x) * (1 - (gauss * polynomial(middle.above, z)) / polynomial(middle.below, z));
  const w = 1 / (z * z);
  const tail = (w * polynomial(large.above, w)) / polynomial(large.below, w);
  return Number.isNaN(x) ? x : Math.sign(x) * (1 - (gauss / z) * (1 / Math.sqrt(Math.PI) - tail));
}

function polynomial(coefficients: readonly number[], x: number): number {
  let value = 0;
  for (let i = 0; i < coefficients.length; i++) value = value * x + (coefficients[i] as number);
  return value;
}

/** From the highest power down. */
const small = {
  above: [
    0.18577770618460315, 3.1611237438705655, 113.86415415105016, 377.485237685302,
    3209.3775891384694,
  ],
  below: [1, 23.601290952344122, 244.02463793444417, 1282.6165260773723, 2844.236833439171],
};
const middle = {
  above: [
    2.1531153547440383e-8, 0.5641884969886701, 8.883149794388377, 66.11919063714163,
    298.6351381974001, 881.952221241769, 1712.0476126340707, 2051.0783778260716, 1230.3393547979972,
  ],
  below: [
    1, 15.744926110709835, 117.6939508913125, 537.1811018620099, 1621.3895745666903,
    3290.7992357334597, 4362.619090143247, 3439.3676741437216, 1230.3393548037495,
  ],
};
const large = {
  above: [
    0.016315387137302097, 0.30532663496123236, 0.36034489994980445, 0.12578172611122926,
    0.016083785148742275, 0.0006587491615298378,
  ],
  below: [
    1, 2.568520192289822, 1.8729528499234673, 0.5279051029514285, 0.06051834131244132,
    0.0023352049762686918,
  ],
};
