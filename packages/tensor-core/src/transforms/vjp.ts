import { backward, tapeBetween } from '../autograd.ts';
import { isFloat } from '../dtype.ts';
import { LorikeetError } from '../errors.ts';
import { alias } from '../ops/unary/alias.ts';
import type { Tensor } from '../tensor.ts';
import { trace } from '../tracing.ts';
import { flattenTree, unflattenTree } from '../tree.ts';
import { formatType } from '../type.ts';

/**
 * The value of `fn` at `primal`, and a function that carries a derivative by the value back to one by
 * `primal` (the vector-Jacobian product).
 *
 * @param fn from a tree of tensors to a tree of tensors; it is called once.
 * @returns trees of the structures of the value and of `primal`. Tensors of `primal` that are not floating
 *   point get zeros.
 */
export function vjp<In, Out>(
  fn: (primal: In) => Out,
  primal: In,
): { value: Out; pullback: (cotangent: Out) => In } {
  const { leaves, structure } = flattenTree(primal);
  const inputs = leaves.map(alias);
  const value = trace(() => fn(unflattenTree(structure, inputs) as In));
  const outputs = flattenTree(value).leaves;
  // Now, since the value may be computed before the pullback is called.
  const tape = tapeBetween(outputs, inputs);
  const pullback = (cotangent: Out): In => {
    const weights = flattenTree(cotangent).leaves;
    requireSameTypes(outputs, weights);
    const differentiable = outputs
      .map((output, i) => [output, weights[i] ?? output] as const)
      .filter(([output]) => isFloat(output.dtype));
    const gradients = backward(
      differentiable.map(([output]) => output),
      differentiable.map(([, weight]) => weight),
      inputs,
      tape,
    );
    return unflattenTree(structure, gradients) as In;
  };
  return { value, pullback };
}

function requireSameTypes(outputs: readonly Tensor[], weights: readonly Tensor[]): void {
  const describe = (tensors: readonly Tensor[]): string =>
    tensors.map(({ type }) => formatType(type)).join(', ');
  if (describe(outputs) === describe(weights)) return;
  throw new LorikeetError('tree-mismatch', 'vjp: the cotangent is not of the type of the value', {
    expected: describe(outputs),
    received: describe(weights),
  });
}
