import { castNode } from './carrier.ts';
import type { GraphBuilder } from './graphBuilder.ts';
import type { Value } from './value.ts';

/**
 * `x` as a value that is there only when all `others` are: its shape is computed from an element of each, times 0.
 * Nothing is copied.
 */
export function after(
  graph: GraphBuilder,
  x: Pick<Value, 'name' | 'shape'>,
  others: readonly Value[],
): string {
  const shape = others.reduce((before, other) => {
    const count = other.shape.length;
    if (count === 0)
      return added(graph, before, graph.node('Reshape', [other.name, graph.ints([1])]));
    const first = graph.node('Slice', [
      other.name,
      graph.ints(other.shape.map(() => 0)),
      graph.ints(other.shape.map(() => 1)),
      graph.ints(Array.from({ length: count }, (_, axis) => axis)),
    ]);
    const one = graph.node('Reshape', [first, graph.ints([1])]);
    return added(graph, before, one);
  }, graph.ints(x.shape));
  return graph.node('Reshape', [x.name, shape]);
}

function added(graph: GraphBuilder, shape: string, one: string): string {
  const zero = graph.node('Mul', [castNode(graph, one, 'int64'), graph.ints([0])]);
  return graph.node('Add', [shape, zero]);
}
