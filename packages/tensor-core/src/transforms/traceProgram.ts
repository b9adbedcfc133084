import type { BackendLimits } from '../backend.ts';
import { lower } from '../lower.ts';
import type { Program } from '../program.ts';
import type { Storage } from '../storage.ts';
import { Tensor } from '../tensor.ts';
import { trace } from '../tracing.ts';
import { flattenTree, type Structure, unflattenTree } from '../tree.ts';
import type { TensorType } from '../type.ts';

/** A function as a program of the tensors among its arguments. */
export interface TracedProgram {
  readonly program: Program<Storage>;
  readonly outputs: Structure;
  /** Of each tensor among the outputs. */
  readonly types: readonly TensorType[];
}

/**
 * Calls `fn` once with placeholders and writes what it records as a program.
 *
 * @param types of the tensors among the arguments, in the order of `flattenTree`.
 * @param isNative which calls of composites to keep; all others are replaced by their bodies.
 */
export function traceProgram<Args extends readonly unknown[]>(
  fn: (...args: Args) => unknown,
  types: readonly TensorType[],
  structure: Structure,
  isNative: BackendLimits['isNative'],
): TracedProgram {
  const placeholders = types.map((type) => new Tensor(type, { kind: 'placeholder' }));
  const result = trace(() => fn(...(unflattenTree(structure, placeholders) as Args)));
  const { leaves, structure: outputs } = flattenTree(result);
  const program = lower(leaves, placeholders, isNative);
  return { program, outputs, types: leaves.map(({ type }) => type) };
}
