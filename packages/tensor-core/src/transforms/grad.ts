import { backward } from '../autograd.ts';
import { isFloat } from '../dtype.ts';
import { LorikeetError } from '../errors.ts';
import { full } from '../ops/create/full.ts';
import { alias } from '../ops/unary/alias.ts';
import { Tensor } from '../tensor.ts';
import { trace } from '../tracing.ts';
import { flattenTree, unflattenTree } from '../tree.ts';
import { formatType } from '../type.ts';

/** A scalar to differentiate, with other results that are carried along. */
export interface ValueAndAux<Aux> {
  readonly value: Tensor;
  readonly aux: Aux;
}

/**
 * A function that gives the value of `fn` and its derivative by the first argument.
 *
 * @param fn from a tree of tensors, and further arguments that are held constant, to a floating-point scalar.
 * @returns the derivative is a tree of the structure of the first argument; tensors in it that are not
 *   floating point get zeros.
 * @throws LorikeetError `not-a-scalar` if `fn` returns anything else.
 */
export function valueAndGrad<First, Rest extends readonly unknown[]>(
  fn: (first: First, ...rest: Rest) => Tensor,
): (first: First, ...rest: Rest) => { value: Tensor; gradient: First } {
  const withAux = valueAndGradWithAux((first: First, ...rest: Rest) => ({
    value: fn(first, ...rest),
    aux: undefined,
  }));
  return (first, ...rest) => {
    const { value, gradient } = withAux(first, ...rest);
    return { value, gradient };
  };
}

/** Like `valueAndGrad`, for a function that returns other results beside the scalar. */
export function valueAndGradWithAux<First, Rest extends readonly unknown[], Aux>(
  fn: (first: First, ...rest: Rest) => ValueAndAux<Aux>,
): (first: First, ...rest: Rest) => ValueAndAux<Aux> & { gradient: First } {
  return (first, ...rest) => {
    const { leaves, structure } = flattenTree(first);
    const inputs = leaves.map(alias);
    const { value, aux } = trace(() => fn(unflattenTree(structure, inputs) as First, ...rest));
    requireScalar(value);
    const gradients = backward([value], [full([], 1, value.dtype)], inputs);
    return { value, aux, gradient: unflattenTree(structure, gradients) as First };
  };
}

/** A function that gives the derivative of the scalar function `fn` by its first argument. See `valueAndGrad`. */
export function grad<First, Rest extends readonly unknown[]>(
  fn: (first: First, ...rest: Rest) => Tensor,
): (first: First, ...rest: Rest) => First {
  const both = valueAndGrad(fn);
  return (first, ...rest) => both(first, ...rest).gradient;
}

function requireScalar(value: unknown): void {
  if (value instanceof Tensor && value.rank === 0 && isFloat(value.dtype)) return;
  throw new LorikeetError(
    'not-a-scalar',
    'grad: the function to differentiate must return a scalar',
    {
      expected: 'a floating-point tensor of shape []',
      received: value instanceof Tensor ? formatType(value.type) : typeof value,
      hint: 'reduce it with sum or mean, or use vjp for a tensor of any shape',
    },
  );
}
