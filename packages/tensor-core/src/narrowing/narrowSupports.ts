import { type DotAttributes, dotOp } from '../ops/contraction/dot.ts';
import { sumOp } from '../ops/reduce/sum.ts';
import { type Constant, type Instruction, type Program, valueTypes } from '../program.ts';
import type { TensorType } from '../type.ts';
import { axisMapOf } from './axisMap.ts';
import {
  type Box,
  type Interval,
  intersect,
  intersection,
  isWhole,
  sameBox,
  sizesOf,
  wholeOf,
  within,
} from './box.ts';
import { isPlainPad } from './narrowDemands.ts';
import { ProgramWriter } from './programWriter.ts';
import { resized } from './resized.ts';

/** A value of the old program: the part of it that may differ from 0. */
interface Support {
  /** Its number in the new program. */
  readonly value: number;
  readonly box: Box;
}

/**
 * Computes with the part of a tensor that is not padding: zeros around a gradient, as the derivative of a slice puts
 * them there, are not multiplied. Where the other factor is not finite, a product with such a zero is 0.
 */
export function narrowSupports<C extends Constant>(program: Program<C>): Program<C> {
  if (!program.instructions.some(isPlainPad)) return program;
  const types = valueTypes(program);
  const writer = new ProgramWriter(program);
  const supports: Support[] = [];
  const whole = new Map<number, number>();
  const given = program.inputs.length + program.constants.length;
  for (let value = 0; value < given; value++)
    supports.push({ value, box: wholeOf((types[value] as TensorType).shape) });
  /** All of a value, with its zeros. */
  const filled = (value: number, path: string | undefined): number => {
    const known = whole.get(value);
    if (known !== undefined) return known;
    const { value: part, box } = supports[value] as Support;
    const written = writer.pad(part, box, types[value] as TensorType, path);
    whole.set(value, written);
    return written;
  };
  /** A part of a value that lies in its support. */
  const take = (value: number, box: Box): number => {
    const support = supports[value] as Support;
    return writer.slice(support.value, within(box, support.box));
  };

  for (const instruction of program.instructions) {
    const { inputs, type, path } = instruction;
    const operands = inputs.map((value) => types[value] as TensorType);
    const boxes = inputs.map((value) => (supports[value] as Support).box);
    if (isPlainPad(instruction)) {
      const low = instruction.attributes.low as readonly number[];
      const box = (boxes[0] as Box).map(({ start, size }, axis) => ({
        start: start + (low[axis] ?? 0),
        size,
      }));
      supports.push({ value: (supports[inputs[0] as number] as Support).value, box });
      continue;
    }
    const isPart = boxes.some((box, k) => !isWhole(box, operands[k]?.shape ?? []));
    const plan = isPart ? planFor(instruction, operands, boxes) : undefined;
    if (plan === undefined) {
      const all = inputs.map((value) => filled(value, path));
      supports.push({
        value: writer.add({ ...instruction, inputs: all }),
        box: wholeOf(type.shape),
      });
      continue;
    }
    const parts = inputs.map((value, k) => take(value, plan.operands[k] as Box));
    const value = writer.add(resized({ ...instruction, inputs: parts }, sizesOf(plan.result)));
    supports.push({ value, box: plan.result });
  }
  return writer.finish(program.outputs.map((value) => filled(value, undefined)));
}

interface Plan {
  readonly operands: readonly Box[];
  readonly result: Box;
}

/** Which parts of the operands give the part of the result that may differ from 0; `undefined` if the op does not keep zeros. */
function planFor(
  instruction: Instruction,
  operands: readonly TensorType[],
  boxes: readonly Box[],
): Plan | undefined {
  const { op, type } = instruction;
  const map = axisMapOf(instruction, operands);
  if (op.vanishes === undefined || map === undefined) return undefined;
  const contracted =
    op === dotOp ? contractedBoxes(instruction.attributes as DotAttributes, boxes) : boxes;
  const sums = op === sumOp || op === dotOp;
  const results = boxes.map((box, k) =>
    resultOf(box, operands[k] as TensorType, map[k] ?? [], type, sums),
  );
  const [first, ...others] = results;
  if (first === undefined || results.includes(undefined)) return undefined;
  const known = others as readonly Box[];
  if (op.vanishes === 'first' && !known.every((box) => isWhole(box, type.shape))) return undefined;
  if (op.vanishes === 'every' && !known.every((box) => sameBox(box, first))) return undefined;
  const result = known.reduce(intersection, first);
  const parts = contracted.map((box, k) =>
    box.map((interval, own) => {
      const axis = map[k]?.[own] ?? null;
      return axis === null ? interval : (result[axis] as Interval);
    }),
  );
  // Nothing of it differs from 0: rare, and not worth a rule.
  if (result.some(isNothing) || parts.some((box) => box.some(isNothing))) return undefined;
  return { operands: parts, result };
}

/** Where the result may differ from 0 as far as one operand goes; `undefined` where its zeros are mixed with the rest. */
function resultOf(
  box: Box,
  operand: TensorType,
  axes: readonly (number | null)[],
  type: TensorType,
  sums: boolean,
): Box | undefined {
  const result = [...wholeOf(type.shape)];
  for (const [own, interval] of box.entries()) {
    if (interval.size === operand.shape[own]) continue;
    const axis = axes[own] ?? null;
    if (axis === null && !sums) return undefined;
    if (axis !== null) result[axis] = interval;
  }
  return result;
}

function isNothing({ size }: Interval): boolean {
  return size === 0;
}

/** Along axes that are summed over in pairs, only what both operands have counts. */
function contractedBoxes({ contract }: DotAttributes, [a, b]: readonly Box[]): readonly Box[] {
  const [left, right] = [[...(a ?? [])], [...(b ?? [])]];
  contract[0].forEach((axis, i) => {
    const other = contract[1][i] ?? 0;
    const both = intersect(left[axis] as Interval, right[other] as Interval);
    [left[axis], right[other]] = [both, both];
  });
  return [left, right];
}
