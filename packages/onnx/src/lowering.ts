import type { AnyOp, Attributes, Composite, Primitive, TensorType } from '@lorikeet/tensor-core';
import type { GraphBuilder } from './graphBuilder.ts';
import type { Value } from './value.ts';

interface LoweringArguments<A> {
  readonly graph: GraphBuilder;
  readonly inputs: readonly Value[];
  readonly attributes: A;
  readonly type: TensorType;
}

/** How calls of an op become nodes. */
export interface Lowering<A extends Attributes = Attributes> {
  readonly op: AnyOp;
  /** What it becomes, for the table in the docs. */
  readonly nodes: string;
  /** Whether the result has elements of the operands, so that nothing is rounded. */
  readonly exact?: boolean;
  /** Whether the reference rounds to the same bits, though something is rounded. */
  readonly roundsAlike?: boolean;
  /**
   * Whether the result is the first operand but for some elements, by one node whose kernel copies nothing if both have the
   * same memory.
   */
  keeps?(inputs: readonly TensorType[], type: TensorType): boolean;
  /** Why a call is not served, if it is not. */
  refuses?(inputs: readonly TensorType[], attributes: A, type: TensorType): string | undefined;
  /**
   * The name of the result, in the carrier of its dtype; it is fitted to the dtype afterwards. Neither the result
   * nor an operand is empty.
   */
  lower(args: LoweringArguments<A>): string;
}

type OpOf<A extends Attributes> = Primitive<A> | Composite<A>;

/** A lowering with the attributes of its op. */
export function lowering<A extends Attributes>(
  op: OpOf<A>,
  nodes: string,
  rule: Pick<Lowering<A>, 'lower' | 'refuses' | 'exact' | 'roundsAlike' | 'keeps'>,
): Lowering<A> {
  return { op, nodes, ...rule };
}

/** The lowering of an op that is one node without attributes over the same operands. */
export function oneNode(
  op: OpOf<Attributes>,
  opType: string,
  about: Pick<Lowering, 'roundsAlike'> = {},
): Lowering {
  return lowering(op, opType, {
    ...about,
    lower: ({ graph, inputs }) =>
      graph.node(
        opType,
        inputs.map(({ name }) => name),
      ),
  });
}
