import { type DotAttributes, dotOp, operand, type Shape } from '@lorikeet/tensor-core';
import type { GraphBuilder } from '../graphBuilder.ts';
import { type Lowering, lowering } from '../lowering.ts';
import type { Value } from '../value.ts';

export const dotLowering: Lowering<DotAttributes> = lowering(dotOp, 'MatMul, FusedMatMul', {
  lower({ graph, inputs, attributes, type }) {
    const product = planProduct(graph, operand(inputs, 0), operand(inputs, 1), attributes);
    const result = multiply(graph, product);
    const rank = attributes.batch[0].length + 2;
    // [...batch, M, N] already, unless a side is missing or there are several.
    if (type.shape.length === rank && inputs.every(({ shape }) => shape.length === rank))
      return result;
    return graph.node('Reshape', [result, graph.ints(type.shape)]);
  },
});

/** A product of matrices, or of batches of them: [..., M, K] and [..., K, N], but for the transpositions. */
export interface Product {
  readonly a: string;
  readonly transA: boolean;
  readonly b: string;
  readonly transB: boolean;
}

/** How a `dot` becomes one product of matrices; the result is [...batch, M, N]. Nothing is moved that a transposition serves. */
function planProduct(graph: GraphBuilder, x: Value, y: Value, attributes: DotAttributes): Product {
  const { batch } = attributes;
  // In the order in which the axes of the left operand lie, so that most often nothing moves.
  const order = [...attributes.contract[0].keys()].sort(
    (i, j) => (attributes.contract[0][i] ?? 0) - (attributes.contract[0][j] ?? 0),
  );
  const contract = attributes.contract.map((axes) => order.map((i) => axes[i] ?? 0)) as [
    number[],
    number[],
  ];
  const left = asMatrices(graph, x, batch[0], contract[0]);
  const right = asMatrices(graph, y, batch[1], contract[1]);
  return {
    a: left.name,
    transA: left.isContractFirst,
    b: right.name,
    transB: !right.isContractFirst,
  };
}

export function multiply(graph: GraphBuilder, { a, transA, b, transB }: Product): string {
  if (!transA && !transB) return graph.node('MatMul', [a, b]);
  const attributes = { transA: transA ? 1 : 0, transB: transB ? 1 : 0 };
  return graph.node('FusedMatMul', [a, b], attributes, { domain: 'com.microsoft' });
}

/** An operand as [...batch, free, contracted] or [...batch, contracted, free]. */
function asMatrices(
  graph: GraphBuilder,
  { name, shape }: Value,
  batch: readonly number[],
  contract: readonly number[],
): { readonly name: string; readonly isContractFirst: boolean } {
  const free = [...shape.keys()].filter(
    (axis) => !batch.includes(axis) && !contract.includes(axis),
  );
  const sides = (axes: readonly number[]): number[] => axes.map((axis) => shape[axis] ?? 1);
  const size = (axes: readonly number[]): number => sides(axes).reduce((a, b) => a * b, 1);
  const contractFirst = [...batch, ...contract, ...free];
  const isContractFirst =
    isMoveless(shape, contractFirst) && !isMoveless(shape, [...batch, ...free, ...contract]);
  const axes = isContractFirst ? contractFirst : [...batch, ...free, ...contract];
  const moved = isMoveless(shape, axes) ? name : graph.node('Transpose', [name], { perm: axes });
  const matrix = isContractFirst ? [size(contract), size(free)] : [size(free), size(contract)];
  const target = [...sides(batch), ...matrix];
  const same =
    isMoveless(shape, axes) &&
    target.length === shape.length &&
    target.every((side, i) => side === shape[i]);
  return {
    name: same ? moved : graph.node('Reshape', [moved, graph.ints(target)]),
    isContractFirst,
  };
}

/** Whether elements stay where they are in memory when the axes take this order: sides of 1 may go anywhere. */
function isMoveless(shape: Shape, axes: readonly number[]): boolean {
  const long = axes.filter((axis) => shape[axis] !== 1);
  return long.every((axis, i) => i === 0 || (long[i - 1] ?? -1) < axis);
}
