import type { Shape, TensorType } from '@lorikeet/tensor-core';
import { carrierOf } from './carrier.ts';
import type { GraphBuilder } from './graphBuilder.ts';

/** A value of the program while it is lowered. */
export interface Value extends TensorType {
  /** Its name in the graph, in the element type that `carrierOf` gives for its dtype. */
  readonly name: string;
  /** The value of all its elements, if the program says it. */
  readonly literal?: number | undefined;
  /** Of a constant: its name as it is stored, two numbers to a byte if it is packed. */
  readonly stored?: string | undefined;
  /** Of a constant: the bytes of its storage, under a shape. */
  readonly bytesAs?: ((dims: Shape) => string) | undefined;
}

/** A value whose nodes are written when the first one uses it. */
export function lazily(
  { shape, dtype }: TensorType,
  write: () => string,
  more: Pick<Value, 'literal' | 'bytesAs'> & { readonly stored?: () => string } = {},
): Value {
  let name: string | undefined;
  return {
    shape,
    dtype,
    literal: more.literal,
    bytesAs: more.bytesAs,
    get stored(): string | undefined {
      return more.stored?.();
    },
    get name(): string {
      name ??= write();
      return name;
    },
  };
}

/** A value of which all elements are the same. */
export function literalValue(graph: GraphBuilder, type: TensorType, literal: number): Value {
  const write = (): string => {
    const scalar = graph.constant(carrierOf(type.dtype), [], [literal]);
    if (type.shape.length === 0) return scalar;
    return graph.node('Expand', [scalar, graph.ints(type.shape)]);
  };
  return lazily(type, write, { literal });
}
