import { full } from '../ops/create/full.ts';
import { mapTensors } from '../tree.ts';
import { vjp } from './vjp.ts';

/**
 * The value of `fn` at `primal`, and its derivative along `tangent` (the Jacobian-vector product).
 *
 * A pullback is linear, so that carrying a derivative back through it carries `tangent` forward: no op needs a
 * second rule (J. Townsend, "A new trick for calculating Jacobian vector products", 2017). What is left over
 * of the way back drops out of the program.
 *
 * @param fn from a tree of tensors to a tree of tensors; it is called once.
 * @param tangent of the structure and the types of `primal`; tensors that are not floating point have none.
 */
export function jvp<In, Out>(
  fn: (primal: In) => Out,
  primal: In,
  tangent: In,
): { value: Out; tangent: Out } {
  const { value, pullback } = vjp(fn, primal);
  const anywhere = mapTensors(value, ({ shape, dtype }) => full(shape, 0, dtype));
  const { pullback: pushforward } = vjp(pullback, anywhere);
  return { value, tangent: pushforward(tangent) };
}
