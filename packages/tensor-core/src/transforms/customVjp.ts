import { recordCustomCall } from '../customCall.ts';
import { isFloat } from '../dtype.ts';
import { LorikeetError } from '../errors.ts';
import { usedFromBefore } from '../replay.ts';
import { type Tensor, tensorCount } from '../tensor.ts';
import { trace } from '../tracing.ts';
import { flattenTree, type Tree, unflattenTree } from '../tree.ts';
import { formatType, sameType } from '../type.ts';

export interface CustomVjpArguments<Args extends readonly unknown[], Out> {
  readonly args: Args;
  readonly value: Out;
  /** The derivative of the objective by `value`: a tree of its structure and types. */
  readonly cotangent: Out;
}

/**
 * A function with a derivative written by hand: for one that is more exact or cheaper than that of its ops,
 * or for one that is no derivative at all (a straight-through estimator).
 *
 * @param fn from trees of tensors to a tree of tensors. What it closes over has no derivative: to
 *   differentiate by that is an error.
 * @param pullback gives for each argument the derivative, a tree of its structure, or `null` for none.
 * @example
 * const roundThrough = customVjp((x: Tensor) => round(x), ({ cotangent }) => [cotangent]);
 */
export function customVjp<Args extends readonly unknown[], Out>(
  fn: (...args: Args) => Out,
  pullback: (call: CustomVjpArguments<Args, Out>) => { readonly [I in keyof Args]: Args[I] | null },
): (...args: Args) => Out {
  return (...args) => {
    const given = flattenTree(args);
    const start = tensorCount();
    const value = trace(() => fn(...args));
    const { leaves: results, structure } = flattenTree(value);
    const inputs = given.leaves;
    const captured = usedFromBefore(results, start, ({ op }) => op.derivative !== 'none').filter(
      (tensor) => !inputs.includes(tensor),
    );
    const outputs = recordCustomCall({
      results,
      inputs,
      captured,
      pullback(cotangents) {
        const cotangent = unflattenTree(structure, cotangents) as Out;
        const parts = trace(() => pullback({ args, value, cotangent }));
        return args.flatMap((arg, i) => partsOf(arg, parts[i] ?? null));
      },
    });
    return unflattenTree(structure, outputs) as Out;
  };
}

/** The derivatives by the tensors of one argument. */
function partsOf(argument: Tree, derivative: Tree): (Tensor | null)[] {
  const { leaves } = flattenTree(argument);
  if (derivative === null) return leaves.map(() => null);
  const parts = flattenTree(derivative).leaves;
  const fits =
    parts.length === leaves.length &&
    leaves.every(({ type }, i) => !isFloat(type.dtype) || sameType(type, parts[i]?.type ?? type));
  if (fits) return parts;
  const describe = (tensors: readonly Tensor[]): string =>
    tensors.map(({ type }) => formatType(type)).join(', ');
  throw new LorikeetError('tree-mismatch', 'customVjp: the derivative does not fit the argument', {
    expected: describe(leaves),
    received: describe(parts),
    hint: 'return for each argument a tree like it, or null if it has no derivative',
  });
}
