import type { BackendLimits } from './backend.ts';
import { LorikeetError } from './errors.ts';
import { narrowDemands } from './narrowing/narrowDemands.ts';
import { narrowSupports } from './narrowing/narrowSupports.ts';
import { optimize } from './optimize.ts';
import type { Instruction, Program } from './program.ts';
import type { Storage } from './storage.ts';
import type { Tensor } from './tensor.ts';
import { formatType } from './type.ts';

/**
 * Writes the graph behind `outputs` as a program of `inputs`, and simplifies it. Computed tensors other
 * than `inputs` become constants.
 *
 * @param isNative which calls of composites to keep; all others are replaced by their bodies.
 * @throws LorikeetError `tensor-not-concrete` if the graph needs a placeholder that is not an input.
 */
export function lower(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  isNative: BackendLimits['isNative'],
): Program<Storage> {
  const bodies = new Map<Tensor, Tensor>();
  const order = reachable(outputs, new Set(inputs), isNative, bodies);
  const constants: Storage[] = [];
  const constantOf = new Map<Storage, number>();
  for (const { storage } of order) {
    if (storage === undefined || constantOf.has(storage)) continue;
    constantOf.set(storage, inputs.length + constants.length);
    constants.push(storage);
  }

  const first = inputs.length + constants.length;
  const instructions: Instruction[] = [];
  const numbers = new Map<Tensor, number>(inputs.map((input, i) => [input, i]));
  const numberOf = (tensor: Tensor): number => {
    const value = numbers.get(tensor);
    if (value === undefined)
      throw new LorikeetError('internal', 'lower: an operand has no value yet');
    return value;
  };
  for (const tensor of order) {
    const { source } = tensor;
    if (source.kind === 'storage') {
      numbers.set(tensor, constantOf.get(source.storage) ?? -1);
    } else if (source.kind === 'placeholder') {
      throw new LorikeetError(
        'tensor-not-concrete',
        `an input of a traced function, ${formatType(tensor.type)}, is used outside of it`,
        {
          hint: 'return what you need from the traced function instead of keeping it in a variable outside',
        },
      );
    } else if (bodies.has(tensor)) {
      numbers.set(tensor, numberOf(bodies.get(tensor) ?? tensor));
    } else {
      numbers.set(tensor, first + instructions.length);
      const { op, attributes, path } = source;
      const inputs = source.inputs.map(numberOf);
      instructions.push({ op, attributes, inputs, type: tensor.type, path });
    }
  }
  const program = optimize({
    inputs: inputs.map((input) => input.type),
    constants,
    instructions,
    outputs: outputs.map(numberOf),
  });
  const narrowed = narrowDemands(narrowSupports(program));
  return narrowed === program ? program : optimize(narrowed);
}

/**
 * All that `outputs` are made of, down to `stops` (left out) and computed tensors, operands first. Composites that
 * are not kept, and what stands for them, go to `bodies`.
 */
function reachable(
  outputs: readonly Tensor[],
  stops: ReadonlySet<Tensor>,
  isNative: BackendLimits['isNative'],
  bodies: Map<Tensor, Tensor>,
): Tensor[] {
  const seen = new Set<Tensor>();
  const pending = [...outputs];
  for (let tensor = pending.pop(); tensor !== undefined; tensor = pending.pop()) {
    if (seen.has(tensor) || stops.has(tensor)) continue;
    seen.add(tensor);
    if (tensor.source.kind !== 'op') continue;
    const { expansion, op, inputs, attributes } = tensor.source;
    const { type } = tensor;
    const isKept =
      expansion === undefined ||
      op.kind === 'primitive' ||
      isNative({ op, inputs: inputs.map((input) => input.type), attributes, type });
    if (isKept) {
      pending.push(...inputs);
    } else {
      bodies.set(tensor, expansion);
      pending.push(expansion);
    }
  }
  return [...seen].sort((a, b) => a.id - b.id);
}
