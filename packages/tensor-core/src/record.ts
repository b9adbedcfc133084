import type { Attributes, Composite, Primitive } from './op.ts';
import { Tensor } from './tensor.ts';

/**
 * Records one call of `op`: the way in which every op, our own or a plug-in's, enters the graph.
 *
 * @throws LorikeetError whatever the op's shape and dtype rule throws.
 */
export function record<A extends Attributes>(
  op: Primitive<A> | Composite<A>,
  inputs: readonly Tensor[],
  attributes: A,
): Tensor {
  if (op.kind === 'primitive') {
    const types = inputs.map((input) => input.type);
    return new Tensor(op.infer(types, attributes), {
      kind: 'op',
      op,
      inputs,
      attributes,
      expansion: undefined,
    });
  }
  const expansion = op.body(inputs, attributes);
  return new Tensor(expansion.type, { kind: 'op', op, inputs, attributes, expansion });
}
