import { isFloat } from './dtype.ts';
import { LorikeetError } from './errors.ts';
import { add } from './ops/binary/add.ts';
import { full } from './ops/create/full.ts';
import { reshape } from './ops/movement/reshape.ts';
import { sum } from './ops/reduce/sum.ts';
import { type Shape, sameShape } from './shape.ts';
import type { OpSource, Tensor } from './tensor.ts';
import { formatType } from './type.ts';

/**
 * Derivatives of a weighted sum of `outputs` by each of `inputs`, as one more graph.
 *
 * @param weights the weights of the sum: tensors of the outputs' shapes.
 * @returns for each input a tensor of its type; zeros where no output depends on it.
 */
export function backward(
  outputs: readonly Tensor[],
  weights: readonly Tensor[],
  inputs: readonly Tensor[],
): Tensor[] {
  const gradients = new Map<Tensor, Tensor>();
  const accumulate = (tensor: Tensor, gradient: Tensor): void => {
    const summed = sumToShape(gradient, tensor.shape);
    const earlier = gradients.get(tensor);
    gradients.set(tensor, earlier === undefined ? summed : add(earlier, summed));
  };
  outputs.forEach((output, i) => {
    const weight = weights[i];
    if (weight !== undefined) accumulate(output, weight);
  });

  const needed = dependents(outputs, new Set(inputs));
  for (const tensor of needed) {
    const gradient = gradients.get(tensor);
    const { source } = tensor;
    if (gradient === undefined || source.kind !== 'op') continue;
    if (source.op.derivative === undefined && source.expansion !== undefined) {
      accumulate(source.expansion, gradient);
      continue;
    }
    const isNeeded = (input: Tensor): boolean =>
      isFloat(input.dtype) && (needed.has(input) || inputs.includes(input));
    if (!source.inputs.some(isNeeded)) continue;
    applyRule(source, tensor, gradient).forEach((part, i) => {
      const input = source.inputs[i];
      if (part !== null && input !== undefined && isNeeded(input)) accumulate(input, part);
    });
  }
  return inputs.map((input) => gradients.get(input) ?? full(input.shape, 0, input.dtype));
}

function applyRule(
  { op, inputs, attributes }: OpSource,
  output: Tensor,
  gradient: Tensor,
): readonly (Tensor | null)[] {
  const { derivative } = op;
  if (derivative === 'none' || derivative === undefined) return [];
  const parts = derivative({ inputs, output, gradient, attributes });
  if (parts.length !== inputs.length) {
    throw new LorikeetError(
      'internal',
      `the derivative of ${op.name} gives ${parts.length} parts for ${inputs.length} operands`,
    );
  }
  return parts;
}

/** All tensors between `inputs` (left out, unless reached from themselves) and `outputs`, results before operands. */
function dependents(outputs: readonly Tensor[], inputs: ReadonlySet<Tensor>): Set<Tensor> {
  const seen = new Set<Tensor>();
  const pending = [...outputs];
  for (let tensor = pending.pop(); tensor !== undefined; tensor = pending.pop()) {
    if (seen.has(tensor)) continue;
    seen.add(tensor);
    if (tensor.source.kind !== 'op' || inputs.has(tensor)) continue;
    pending.push(...tensor.source.inputs);
    if (tensor.source.op.derivative === undefined && tensor.source.expansion !== undefined)
      pending.push(tensor.source.expansion);
  }
  const ascending = [...seen].sort((a, b) => a.id - b.id);
  const depends = new Set<Tensor>(inputs);
  for (const tensor of ascending) {
    const { source } = tensor;
    if (source.kind !== 'op' || inputs.has(tensor)) continue;
    if (source.op.derivative === 'none') continue;
    if (
      source.inputs.some((input) => depends.has(input)) ||
      (source.expansion !== undefined && depends.has(source.expansion))
    )
      depends.add(tensor);
  }
  return new Set(
    ascending.filter((tensor) => depends.has(tensor) && !inputs.has(tensor)).reverse(),
  );
}

/** The sum of a gradient over the axes along which an operand of shape `shape` was broadcast. */
function sumToShape(gradient: Tensor, shape: Shape): Tensor {
  if (sameShape(gradient.shape, shape)) return gradient;
  const extra = gradient.rank - shape.length;
  const axes = gradient.shape
    .map((_, axis) => axis)
    .filter((axis) => axis < extra || (shape[axis - extra] === 1 && gradient.shape[axis] !== 1));
  const summed = reshape(sum(gradient, axes), shape);
  if (extra < 0)
    throw new LorikeetError(
      'internal',
      `a gradient ${formatType(gradient.type)} for an operand of fewer axes`,
    );
  return summed;
}
