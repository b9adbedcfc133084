import { castNode } from './carrier.ts';
import type { GraphBuilder } from './graphBuilder.ts';
import type { Value } from './value.ts';

/** Whether each element is not 0. */
export function asBool(graph: GraphBuilder, { name, dtype }: Value): string {
  return dtype === 'bool' ? name : castNode(graph, name, 'bool');
}
