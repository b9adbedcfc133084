import { castNode } from './carrier.ts';
import type { GraphBuilder } from './graphBuilder.ts';
import type { Value } from './value.ts';

/** A value with an order: bools have none in ONNX. */
export function comparable(graph: GraphBuilder, { name, dtype }: Value): string {
  return dtype === 'bool' ? castNode(graph, name, 'int32') : name;
}
