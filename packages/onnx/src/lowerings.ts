import { type AnyOp, type Attributes, LorikeetError, type TensorType } from '@lorikeet/tensor-core';
import type { Lowering } from './lowering.ts';
import { binaryLowerings } from './lowerings/binary.ts';
import { compositeLowerings } from './lowerings/composite.ts';
import { dotLowering } from './lowerings/dot.ts';
import { indexLowerings } from './lowerings/index.ts';
import { movementLowerings } from './lowerings/movement.ts';
import { quantizedLowerings } from './lowerings/quantized.ts';
import { reduceLowerings } from './lowerings/reduce.ts';
import { unaryLowerings } from './lowerings/unary.ts';

/** Every op that becomes nodes. */
export const lowerings: readonly Lowering[] = [
  ...unaryLowerings,
  ...binaryLowerings,
  ...reduceLowerings,
  ...movementLowerings,
  ...indexLowerings,
  dotLowering,
  ...quantizedLowerings,
  ...compositeLowerings,
];

const byOp = new Map<AnyOp, Lowering>(lowerings.map((rule) => [rule.op, rule]));

/** A call as it stands in a program. */
export interface Call {
  readonly op: AnyOp;
  readonly inputs: readonly TensorType[];
  readonly attributes: Attributes;
  readonly type: TensorType;
}

/** Why a call does not become nodes, or `undefined` if it does. */
export function refusalOf({ op, inputs, attributes, type }: Call): string | undefined {
  const rule = byOp.get(op);
  if (rule === undefined) return 'no operator of ONNX';
  if ([type, ...inputs].some(({ dtype }) => dtype === 'f64')) return 'f64';
  return rule.refuses?.(inputs, attributes, type);
}

export function loweringOf(op: AnyOp): Lowering {
  const rule = byOp.get(op);
  if (rule === undefined) throw new LorikeetError('internal', `onnx: no lowering of ${op.name}`);
  return rule;
}

/** Whether the reference gives the same bits as the runtime for each call of an op. */
export function isSameOnHost(op: AnyOp): boolean {
  const rule = byOp.get(op);
  return rule?.exact === true || rule?.roundsAlike === true;
}
