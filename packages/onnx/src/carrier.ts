import type { DType } from '@lorikeet/tensor-core';
import type { GraphBuilder } from './graphBuilder.ts';
import { type ElementType, elementTypes } from './proto/elementType.ts';

export type Carrier = 'double' | 'float' | 'int32' | 'int64' | 'bool';

/**
 * The element type in which values of a dtype are computed. ONNX Runtime's kernels on a CPU take f32, i32, i64 and
 * bool nearly everywhere, and other types only here and there.
 */
const carriers: Readonly<Record<DType, Carrier>> = {
  f64: 'double',
  f32: 'float',
  f16: 'float',
  bf16: 'float',
  i32: 'int32',
  u32: 'int64',
  i8: 'int32',
  u8: 'int32',
  i4: 'int32',
  u4: 'int32',
  bool: 'bool',
};

export function carrierOf(dtype: DType): Carrier {
  return carriers[dtype];
}

export function castNode(graph: GraphBuilder, name: string, to: ElementType): string {
  return graph.node('Cast', [name], { to: elementTypes[to] });
}

/** A result, rounded or wrapped to what its dtype can hold. */
export function fitTo(graph: GraphBuilder, name: string, dtype: DType): string {
  const through = (type: ElementType): string =>
    castNode(graph, castNode(graph, name, type), carriers[dtype]);
  const low = (bits: number): string =>
    graph.node('BitwiseAnd', [name, graph.constant(carriers[dtype], [], [bits])]);
  switch (dtype) {
    case 'f16':
      return through('float16');
    case 'bf16':
      return through('bfloat16');
    case 'i8':
      return through('int8');
    case 'u8':
      return through('uint8');
    case 'u32':
      return graph.node('BitwiseAnd', [name, graph.constant('int64', [], [0xffffffff])]);
    case 'u4':
      return low(15);
    case 'i4':
      return signOf4(graph, low(15));
    default:
      return name;
  }
}

/** Numbers of 0 to 15 as the signed ones of the same four bits. */
export function signOf4(graph: GraphBuilder, name: string): string {
  const eight = graph.constant('int32', [], [8]);
  return graph.node('Sub', [graph.node('BitwiseXor', [name, eight]), eight]);
}
