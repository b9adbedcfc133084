import type { AttentionAttributes } from '../../../attentionWeights.ts';
import type { AnyOp, Attributes, Primitive } from '../../../op.ts';
import { attentionOp } from '../../../ops/composite/attention.ts';
import type { Instruction } from '../../../program.ts';
import type { TensorType } from '../../../type.ts';
import { deviceStep } from './deviceStep.ts';

export type AttentionOperand =
  | 'query'
  | 'key'
  | 'value'
  | 'mask'
  | 'bias'
  | 'dropout'
  | 'gradient'
  | 'rows'
  | 'mean';

/** What a kernel of attention is for: its result, the extremum and the sum of each row, or a derivative. */
export type AttentionGoal = 'result' | 'rows' | 'query' | 'key' | 'value';

export type AttentionStepAttributes = AttentionAttributes & { readonly goal: AttentionGoal };

/**
 * Of each row of scores its largest and the sum of `exp(score - largest)`, [B, H, T, 2] in f32: what the weights are
 * computed from again wherever they are needed. Two numbers, since the logarithm of the sum is lost beside the score of
 * a row that sees nothing. Operands: query, key, and mask and bias if there are.
 */
export const attentionRowsOp: Primitive<AttentionStepAttributes> =
  deviceStep<AttentionStepAttributes>('attentionRows');

/**
 * A derivative of attention by one operand. Operands: those of attention without the value where that is not needed,
 * the derivative by the result, the rows, and the mean derivative of each row.
 */
export const attentionSlopeOp: Primitive<AttentionStepAttributes> =
  deviceStep<AttentionStepAttributes>('attentionSlope');

const attentionOps = new Set<AnyOp>([attentionOp, attentionRowsOp, attentionSlopeOp]);

export function isAttention(op: AnyOp): boolean {
  return attentionOps.has(op);
}

/** One kernel of attention: what it computes, and the numbers of its operands. */
export interface AttentionStep {
  readonly goal: AttentionGoal;
  readonly operands: ReadonlyMap<AttentionOperand, number>;
  readonly attributes: AttentionAttributes;
}

export function attentionStep({ op, inputs, attributes }: Instruction): AttentionStep {
  const known = attributes as Attributes & AttentionStepAttributes;
  const goal = op === attentionOp ? 'result' : known.goal;
  const names = operandsOf(goal, known);
  return {
    goal,
    operands: new Map(names.map((name, i) => [name, inputs[i] ?? -1])),
    attributes: known,
  };
}

/** The operands of a step, in order. */
export function operandsOf(
  goal: AttentionGoal,
  { masked, biased, dropout }: AttentionAttributes,
): AttentionOperand[] {
  const isSlope = goal !== 'result' && goal !== 'rows';
  const candidates: readonly (readonly [AttentionOperand, boolean])[] = [
    ['query', true],
    ['key', true],
    ['value', goal !== 'rows' && goal !== 'value'],
    ['mask', masked],
    ['bias', biased],
    ['dropout', dropout > 0 && goal !== 'rows'],
    ['gradient', isSlope],
    ['rows', isSlope],
    ['mean', isSlope && goal !== 'value'],
  ];
  return candidates.flatMap(([name, isThere]) => (isThere ? [name] : []));
}

/** How many there are of what attention goes over. */
export interface AttentionSides {
  readonly batch: number;
  readonly heads: number;
  /** Heads of keys and values. */
  readonly groups: number;
  readonly queries: number;
  readonly keys: number;
  /** Length of a query and of a key. */
  readonly size: number;
  /** Length of a value; 0 where there is none. */
  readonly width: number;
}

export function attentionSides(
  { operands }: AttentionStep,
  typeOf: (value: number) => TensorType,
): AttentionSides {
  const shape = (name: AttentionOperand): readonly number[] => {
    const value = operands.get(name);
    return value === undefined ? [] : typeOf(value).shape;
  };
  const [batch = 0, heads = 0, queries = 0, size = 0] = shape('query');
  const [, groups = 0, keys = 0] = shape('key');
  const width = shape('value')[3] ?? shape('gradient')[3] ?? 0;
  return { batch, heads, groups, queries, keys, size, width };
}

/**
 * Whether the kernel of `made` comes by what `wanted` is, too: that of an attention by the rows, and that of the derivative
 * by the key by what is summed for that by the value, if there are as many numbers of each.
 */
export function comesBy(made: Instruction | undefined, wanted: Instruction): boolean {
  if (made === undefined || !isAttention(made.op)) return false;
  const [a, b] = [attentionStep(made), attentionStep(wanted)];
  const isThere =
    b.goal === 'rows'
      ? a.goal === 'result'
      : b.goal === 'value' && a.goal === 'key' && made.type.shape[3] === wanted.type.shape[3];
  const settings = ({ scale, causal, window, dropout }: AttentionAttributes): string =>
    [scale, causal, window, b.goal === 'rows' ? 0 : dropout].join();
  return (
    isThere &&
    settings(a.attributes) === settings(b.attributes) &&
    [...b.operands].every(([name, value]) => a.operands.get(name) === value)
  );
}
