import { type DType, isPacked, type Shape, sizeOf, type TensorType } from '@lorikeet/tensor-core';
import { carrierOf, castNode, signOf4 } from './carrier.ts';
import type { GraphBuilder } from './graphBuilder.ts';
import { type ElementType, storedAs } from './proto/elementType.ts';

/** The element type of a dtype where a graph is entered and left. */
const boundaries: Readonly<Record<DType, ElementType>> = {
  f64: 'double',
  f32: 'float',
  f16: 'float16',
  // ONNX Runtime's JavaScript has no tensors of bf16.
  bf16: 'float',
  i32: 'int32',
  u32: 'uint32',
  i8: 'int8',
  u8: 'uint8',
  // Two to a byte.
  i4: 'uint8',
  u4: 'uint8',
  bool: 'bool',
};

export interface Boundary {
  readonly elementType: ElementType;
  readonly dims: Shape;
}

/** As what an input or output of a graph is declared. */
export function boundaryOf({ dtype, shape }: TensorType): Boundary {
  const dims = isPacked(dtype) ? [Math.ceil(sizeOf(shape) / 2)] : shape;
  return { elementType: boundaries[dtype], dims };
}

/** A value that enters, in its carrier. */
export function enter(graph: GraphBuilder, name: string, { dtype, shape }: TensorType): string {
  const carrier = carrierOf(dtype);
  if (!isPacked(dtype))
    return boundaries[dtype] === carrier ? name : castNode(graph, name, carrier);
  const bytes = castNode(graph, name, 'int32');
  const number = (value: number): string => graph.constant('int32', [], [value]);
  const low = graph.node('BitwiseAnd', [bytes, number(15)]);
  const high = graph.node('Div', [bytes, number(16)]);
  const column = (part: string): string => graph.node('Reshape', [part, graph.ints([-1, 1])]);
  const pairs = graph.node('Concat', [column(low), column(high)], { axis: 1 });
  const flat = graph.node('Reshape', [pairs, graph.ints([-1])]);
  const kept = graph.node('Slice', [flat, graph.ints([0]), graph.ints([sizeOf(shape)])]);
  const numbers = graph.node('Reshape', [kept, graph.ints(shape)]);
  return dtype === 'i4' ? signOf4(graph, numbers) : numbers;
}

/** A constant, in its carrier; it is stored as its dtype says. */
export function enterStored(graph: GraphBuilder, name: string, { dtype }: TensorType): string {
  const carrier = carrierOf(dtype);
  return storedAs[dtype] === carrier ? name : castNode(graph, name, carrier);
}

/** A value that leaves. */
export function leave(graph: GraphBuilder, name: string, { dtype, shape }: TensorType): string {
  if (!isPacked(dtype)) {
    const same = boundaries[dtype] === carrierOf(dtype);
    return same ? name : castNode(graph, name, boundaries[dtype]);
  }
  const size = sizeOf(shape);
  const zero = graph.constant('int32', [], [0]);
  const number = (value: number): string => graph.constant('int32', [], [value]);
  const flat = graph.node('Reshape', [name, graph.ints([-1])]);
  const even = size % 2 === 0 ? flat : graph.node('Pad', [flat, graph.ints([0, 1]), zero]);
  const pairs = graph.node('Reshape', [even, graph.ints([-1, 2])]);
  const digits = graph.node('BitwiseAnd', [pairs, number(15)]);
  const weighted = graph.node('Mul', [digits, graph.constant('int32', [2], [1, 16])]);
  const bytes = graph.node('ReduceSum', [weighted, graph.ints([1])], { keepdims: 0 });
  return castNode(graph, bytes, 'uint8');
}
