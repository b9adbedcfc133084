import { concatOp, dynamicUpdateSliceOp, type Instruction, sizeOf } from '@lorikeet/tensor-core';
import type { GraphBuilder } from './graphBuilder.ts';
import { literalValue, type Value } from './value.ts';

/**
 * Takes empty operands out of a call whose result is not empty: operators of ONNX Runtime differ in what they make of
 * them. Gives the operands that remain, or the result itself.
 */
export function withoutEmpties(
  graph: GraphBuilder,
  { op, attributes, type }: Instruction,
  inputs: readonly Value[],
): Value | { readonly inputs: readonly Value[] } {
  const isEmpty = ({ shape }: Value): boolean => sizeOf(shape) === 0;
  if (!inputs.some(isEmpty)) return { inputs };
  if (op === concatOp) return { inputs: inputs.filter((input) => !isEmpty(input)) };
  const [first, update] = inputs;
  // A scalar has no place to be told.
  if (op === dynamicUpdateSliceOp && update !== undefined && !isEmpty(update)) return update;
  // An update of nothing.
  if (first !== undefined && !isEmpty(first)) return first;
  // A sum over nothing, a border around nothing: all elements are the same.
  const values = inputs.map(({ shape, dtype }) => ({ shape, dtype, data: new Float64Array(0) }));
  const data = new Float64Array(sizeOf(type.shape));
  if (op.kind === 'primitive') op.evaluate(values, attributes, { ...type, data });
  return literalValue(graph, type, data[0] ?? 0);
}
