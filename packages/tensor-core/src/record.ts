import { isLorikeetError, LorikeetError } from './errors.ts';
import { currentPath } from './namedScope.ts';
import type { Attributes, Composite, Primitive } from './op.ts';
import { formatShape, type Shape } from './shape.ts';
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
  const path = currentPath();
  if (op.kind === 'primitive') {
    const types = inputs.map((input) => input.type);
    const type = op.infer(types, attributes);
    requireShape(op.name, type.shape);
    return new Tensor(type, { kind: 'op', op, inputs, attributes, expansion: undefined, path });
  }
  const expansion = bodyOf(op, inputs, attributes);
  return new Tensor(expansion.type, { kind: 'op', op, inputs, attributes, expansion, path });
}

/** The body; what an op in it refuses is told as the composite's, too. */
function bodyOf<A extends Attributes>(
  { name, body }: Composite<A>,
  inputs: readonly Tensor[],
  attributes: A,
): Tensor {
  try {
    return body(inputs, attributes);
  } catch (error) {
    if (!isLorikeetError(error) || error.summary.startsWith(`${name}: `)) throw error;
    const { code, summary, path, expected, received, hint } = error;
    const details = { path, expected, received, hint, cause: error };
    throw new LorikeetError(code, `${name}: ${summary}`, details);
  }
}

function requireShape(op: string, shape: Shape): void {
  if (shape.every((side) => Number.isInteger(side) && side >= 0)) return;
  throw new LorikeetError('invalid-argument', `${op}: ${formatShape(shape)} is no shape`, {
    expected: 'whole numbers of at least 0',
    received: formatShape(shape),
  });
}
