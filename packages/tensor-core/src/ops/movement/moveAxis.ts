import { normalizeAxis } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { permute } from './permute.ts';

/** `x` with axis `from` at place `to`, the others in the order they had. NumPy's `moveaxis`. */
export function moveAxis(x: Tensor, from: number, to: number): Tensor {
  const [source, target] = [
    normalizeAxis('moveAxis', from, x.rank),
    normalizeAxis('moveAxis', to, x.rank),
  ];
  const axes = x.shape.map((_, axis) => axis).filter((axis) => axis !== source);
  axes.splice(target, 0, source);
  return permute(x, axes);
}
