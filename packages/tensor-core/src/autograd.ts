import { isFloat } from './dtype.ts';
import { LorikeetError } from './errors.ts';
import { atPath } from './namedScope.ts';
import { add } from './ops/binary/add.ts';
import { full } from './ops/create/full.ts';
import { reshape } from './ops/movement/reshape.ts';
import { sum } from './ops/reduce/sum.ts';
import { type Shape, sameShape } from './shape.ts';
import type { CustomCall, OpSource, Tensor } from './tensor.ts';
import { formatType } from './type.ts';

/** What leads from inputs to outputs, results before operands, with how each tensor comes about. */
export type Tape = ReadonlyMap<Tensor, OpSource>;

/**
 * Derivatives of a weighted sum of `outputs` by each of `inputs`, as one more graph.
 *
 * @param weights the weights of the sum: tensors of the outputs' shapes.
 * @param tape what leads from `inputs` to `outputs`; needed where some of it may have been computed since,
 *   since a computed tensor forgets how it came about.
 * @returns for each input a tensor of its type; zeros where no output depends on it.
 */
export function backward(
  outputs: readonly Tensor[],
  weights: readonly Tensor[],
  inputs: readonly Tensor[],
  tape: Tape = tapeBetween(outputs, inputs),
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

  const sought = new Set(inputs);
  const isNeeded = (input: Tensor): boolean =>
    isFloat(input.dtype) && (tape.has(input) || sought.has(input));
  for (const [tensor, source] of tape) {
    const gradient = gradients.get(tensor);
    if (source.custom !== undefined) {
      const { inputs: operands, outputs: results } = source.custom;
      // All of its results at once, at the one that was made first: by then each has its whole gradient.
      if (results.some((result) => result.id < tensor.id && tape.has(result))) continue;
      applyCustom(source.custom, gradients).forEach((part, i) => {
        const input = operands[i];
        if (part !== null && input !== undefined && isNeeded(input)) accumulate(input, part);
      });
      continue;
    }
    if (gradient === undefined) continue;
    if (source.op.derivative === undefined && source.expansion !== undefined) {
      accumulate(source.expansion, gradient);
      continue;
    }
    if (!source.inputs.some(isNeeded)) continue;
    const parts = atPath(source.path, () => applyRule(source, tensor, gradient));
    parts.forEach((part, i) => {
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

function applyCustom(
  { inputs, outputs, pullback }: CustomCall,
  gradients: ReadonlyMap<Tensor, Tensor>,
): readonly (Tensor | null)[] {
  if (!outputs.some((output) => gradients.has(output))) return [];
  const parts = pullback(
    outputs.map((output) => gradients.get(output) ?? full(output.shape, 0, output.dtype)),
  );
  if (parts.length === inputs.length) return parts;
  throw new LorikeetError(
    'internal',
    `the derivative of a call gives ${parts.length} parts for ${inputs.length} operands`,
  );
}

/** All that `outputs` are made of and that depends on `inputs`, which are left out themselves. */
export function tapeBetween(outputs: readonly Tensor[], inputs: readonly Tensor[]): Tape {
  const depends = new Set<Tensor>(inputs);
  const sources = new Map<Tensor, OpSource>();
  const pending = [...outputs];
  for (let tensor = pending.pop(); tensor !== undefined; tensor = pending.pop()) {
    const { source } = tensor;
    if (sources.has(tensor) || depends.has(tensor) || source.kind !== 'op') continue;
    sources.set(tensor, source);
    if (source.custom !== undefined) {
      pending.push(...source.custom.inputs, ...source.custom.captured);
      continue;
    }
    pending.push(...source.inputs);
    if (source.op.derivative === undefined && source.expansion !== undefined)
      pending.push(source.expansion);
  }
  const ascending = [...sources].sort(([a], [b]) => a.id - b.id);
  for (const [tensor, { op, inputs: operands, expansion, custom }] of ascending) {
    if (custom !== undefined) {
      if (custom.captured.some((captured) => depends.has(captured))) throw capturedError();
      if (custom.inputs.some((input) => depends.has(input))) depends.add(tensor);
      continue;
    }
    if (op.derivative === 'none') continue;
    if (
      operands.some((operand) => depends.has(operand)) ||
      (expansion !== undefined && depends.has(expansion))
    )
      depends.add(tensor);
  }
  return new Map(ascending.filter(([tensor]) => depends.has(tensor)).reverse());
}

function capturedError(): LorikeetError {
  return new LorikeetError(
    'invalid-argument',
    'customVjp: the function uses a tensor of the outside that the derivative is sought by',
    {
      expected: 'all that there is a derivative by among the arguments',
      hint: 'pass it as an argument, or wrap it in stopGradient',
    },
  );
}

/** The sum of a gradient over the axes along which an operand of shape `shape` was broadcast. */
export function sumToShape(gradient: Tensor, shape: Shape): Tensor {
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
