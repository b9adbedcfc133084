import type { AxisMap } from '../op.ts';
import { broadcastToOp } from '../ops/movement/broadcastTo.ts';
import { padOp } from '../ops/movement/pad.ts';
import { sliceOp } from '../ops/movement/slice.ts';
import { type Constant, type Instruction, type Program, valueTypes } from '../program.ts';
import type { TensorType } from '../type.ts';
import { axisMapOf } from './axisMap.ts';
import {
  type Box,
  hull,
  type Interval,
  intersection,
  isWhole,
  sizesOf,
  wholeOf,
  within,
} from './box.ts';
import { ProgramWriter } from './programWriter.ts';
import { resized } from './resized.ts';

/**
 * Computes of each value only the part that is used: a slice moves up through all that runs along its axis. A model
 * that is asked for its first token only then does most of its last layer for that token.
 */
export function narrowDemands<C extends Constant>(program: Program<C>): Program<C> {
  if (!program.instructions.some(isStraightSlice)) return program;
  const types = valueTypes(program);
  const demands = demandsOf(program, types);
  const writer = new ProgramWriter(program);
  const given = program.inputs.length + program.constants.length;
  // Of each value its number in the new program, and which part of it that is.
  const values: number[] = [];
  const boxes: Box[] = [];
  for (let value = 0; value < given; value++) {
    values.push(value);
    boxes.push(wholeOf((types[value] as TensorType).shape));
  }
  const take = (value: number, box: Box): number =>
    writer.slice(values[value] as number, within(box, boxes[value] as Box));

  program.instructions.forEach((instruction, i) => {
    const { type, inputs, path } = instruction;
    const operands = inputs.map((value) => types[value] as TensorType);
    const need = needOf(instruction, operands, demands[given + i] ?? wholeOf(type.shape));
    const parts = inputs.map((value, k) => take(value, need.operands[k] as Box));
    const [first = -1] = parts;
    boxes.push(need.result);
    if (isStraightSlice(instruction)) values.push(first);
    else if (isPlainPad(instruction) && need.isPart) {
      const part = { ...type, shape: sizesOf(need.result) };
      const inner = within(movedBy(need.operands[0] as Box, instruction, 1), need.result);
      values.push(writer.pad(first, inner, part, path));
    } else
      values.push(writer.add(resized({ ...instruction, inputs: parts }, sizesOf(need.result))));
  });
  return writer.finish(
    program.outputs.map((value) => take(value, wholeOf((types[value] as TensorType).shape))),
  );
}

/** Of each value the part that is used, if any. */
function demandsOf(program: Program, types: readonly TensorType[]): (Box | undefined)[] {
  const given = program.inputs.length + program.constants.length;
  const demands: (Box | undefined)[] = types.map(() => undefined);
  const want = (value: number, box: Box): void => {
    const before = demands[value];
    demands[value] = before === undefined ? box : hull(before, box);
  };
  for (const value of program.outputs) want(value, wholeOf((types[value] as TensorType).shape));
  for (let i = program.instructions.length - 1; i >= 0; i--) {
    const instruction = program.instructions[i] as Instruction;
    const demand = demands[given + i];
    if (demand === undefined) continue;
    const operands = instruction.inputs.map((value) => types[value] as TensorType);
    const need = needOf(instruction, operands, demand);
    demands[given + i] = need.result;
    instruction.inputs.forEach((value, k) => {
      want(value, need.operands[k] as Box);
    });
  }
  return demands;
}

interface Need {
  /** The least part of the result around what is wanted that can be had alone. */
  readonly result: Box;
  /** The parts of the operands that it takes. */
  readonly operands: readonly Box[];
  readonly isPart: boolean;
}

function needOf(instruction: Instruction, operands: readonly TensorType[], demand: Box): Need {
  const { shape } = instruction.type;
  const wholes = operands.map((operand) => wholeOf(operand.shape));
  const all: Need = { result: wholeOf(shape), operands: wholes, isPart: false };
  if (isStraightSlice(instruction)) {
    const starts = instruction.attributes.starts as readonly number[];
    const box = demand.map(({ start, size }, axis) => ({
      start: start + (starts[axis] ?? 0),
      size,
    }));
    return { result: demand, operands: [box], isPart: true };
  }
  if (isWhole(demand, shape)) return all;
  const [first] = wholes;
  if (isPlainPad(instruction) && first !== undefined) {
    const box = intersection(movedBy(demand, instruction, -1), first);
    const isEmpty = box.some(({ size }) => size === 0);
    return isEmpty ? all : { result: demand, operands: [box], isPart: true };
  }
  const map = axisMapOf(instruction, operands);
  if (map === undefined) return all;
  const result = reachable(instruction, map, demand);
  const parts = map.map((axes, k) =>
    axes.map((axis, own) => (axis === null ? wholes[k]?.[own] : result[axis]) as Interval),
  );
  return { result, operands: parts, isPart: true };
}

/** Along an axis that no operand has, the result is computed whole, unless it is the same all along it. */
function reachable({ op, type }: Instruction, map: AxisMap, demand: Box): Box {
  if (op.elementwise || op === broadcastToOp) return demand;
  const reached = new Set(map.flat());
  return demand.map((interval, axis) =>
    reached.has(axis) ? interval : { start: 0, size: type.shape[axis] ?? 0 },
  );
}

function movedBy(box: Box, { attributes }: Instruction, direction: 1 | -1): Box {
  const low = attributes.low as readonly number[];
  return box.map(({ start, size }, axis) => ({
    start: start + direction * (low[axis] ?? 0),
    size,
  }));
}

function isStraightSlice({ op, attributes }: Instruction): boolean {
  return op === sliceOp && (attributes.steps as readonly number[]).every((step) => step === 1);
}

/** Without zeros between elements. */
export function isPlainPad({ op, attributes }: Instruction): boolean {
  return op === padOp && (attributes.interior as readonly number[]).every((count) => count === 0);
}
