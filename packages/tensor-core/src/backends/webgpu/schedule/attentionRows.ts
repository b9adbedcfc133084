import { mulOp } from '../../../ops/binary/mul.ts';
import {
  type AttentionGradientAttributes,
  attentionGradientOp,
} from '../../../ops/composite/attentionGradient.ts';
import { sumOp } from '../../../ops/reduce/sum.ts';
import { castOp } from '../../../ops/unary/cast.ts';
import { formatAttribute, type Instruction, type Program } from '../../../program.ts';
import type { TensorType } from '../../../type.ts';
import { attentionRowsOp, attentionSlopeOp, operandsOf } from './attentionStep.ts';
import { rewritten } from './rewritten.ts';

type Add = (instruction: Instruction) => number;

/**
 * The derivatives of one attention share what they need of each row of scores: the largest, the sum, and the mean of
 * the derivatives by the weights, which is the sum of the result times the derivative by it.
 */
export function withAttentionRows(program: Program): Program {
  const shared = new Map<string, number>();
  const once = (instruction: Instruction, add: Add): number => {
    const { op, inputs, attributes } = instruction;
    const key = `${op.name} ${inputs.join()} ${formatAttribute(attributes)}`;
    const value = shared.get(key) ?? add(instruction);
    shared.set(key, value);
    return value;
  };
  return rewritten(program, (instruction, add, types, index) => {
    if (instruction.op !== attentionGradientOp) return undefined;
    const { by, ...attributes } = instruction.attributes as AttentionGradientAttributes;
    if (by === 'bias') return undefined;
    const { inputs } = instruction;
    const given = new Map(operandsOf('result', attributes).map((name, i) => [name, inputs[i]]));
    const [output = -1, gradient = -1] = inputs.slice(-2);
    const [query = -1, key = -1] = inputs;
    // That by the value can come to the kernel of that by the key, which therefore comes first.
    const keyFirst = by === 'value' && isWantedByKey(program, index);
    const [batch = 0, heads = 0, queries = 0] = types[query]?.shape ?? [];
    const step = (made: Omit<Instruction, 'path'>): number =>
      once({ ...instruction, ...made }, add);
    const inSingle = (value: number): number => {
      const { shape, dtype } = types[value] as TensorType;
      if (dtype === 'f32') return value;
      const type = { shape, dtype: 'f32' } as const;
      return step({ op: castOp, inputs: [value], attributes: { dtype: 'f32' }, type });
    };
    const rowAttributes = { ...attributes, dropout: 0 };
    given.set('gradient', gradient);
    given.set(
      'rows',
      step({
        op: attentionRowsOp,
        inputs: operandsOf('rows', rowAttributes).map((name) => given.get(name) ?? -1),
        attributes: { ...rowAttributes, goal: 'rows' },
        type: { shape: [batch, heads, queries, 2], dtype: 'f32' },
      }),
    );
    if (by !== 'value' || keyFirst) {
      const { shape } = types[gradient] as TensorType;
      const product = step({
        op: mulOp,
        inputs: [inSingle(output), inSingle(gradient)],
        attributes: {},
        type: { shape, dtype: 'f32' },
      });
      const mean = step({
        op: sumOp,
        inputs: [product],
        attributes: { axes: [3], keepAxes: false },
        type: { shape: [batch, heads, queries], dtype: 'f32' },
      });
      given.set('mean', mean);
    }
    const slope = (goal: 'query' | 'key' | 'value', type: TensorType): number =>
      step({
        op: attentionSlopeOp,
        inputs: operandsOf(goal, attributes).map((name) => given.get(name) ?? -1),
        attributes: { ...attributes, goal },
        type,
      });
    if (keyFirst) slope('key', types[key] as TensorType);
    return slope(by, instruction.type);
  });
}

/** Whether the derivative of the same attention by the key is wanted, too. */
function isWantedByKey({ instructions }: Program, index: number): boolean {
  const own = instructions[index];
  const wanted = formatAttribute({ ...own?.attributes, by: 'key' });
  return instructions.some(
    ({ op, inputs, attributes }) =>
      op === attentionGradientOp &&
      inputs.join() === own?.inputs.join() &&
      formatAttribute(attributes) === wanted,
  );
}
