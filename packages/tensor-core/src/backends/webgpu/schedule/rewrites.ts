import { type ConcatAttributes, concatOp } from '../../../ops/movement/concat.ts';
import { reshapeOp } from '../../../ops/movement/reshape.ts';
import { aliasOp } from '../../../ops/unary/alias.ts';
import type { Program } from '../../../program.ts';
import type { ReductionAttributes } from '../../../reduction.ts';
import { type Shape, sizeOf } from '../../../shape.ts';
import type { TensorType } from '../../../type.ts';
import { elementsPerWord } from '../codegen/scalars.ts';
import { isAnchor, isPlaceOfExtremum, isReduction } from './anchors.ts';
import { withAttentionRows } from './attentionRows.ts';
import { rewritten } from './rewritten.ts';
import { withSmallFirst } from './smallFirst.ts';
import { withSortedUpdates } from './sortedUpdates.ts';
import { withStagedSorts } from './stagedSorts.ts';
import { withTurnedProducts } from './turnedProducts.ts';

/** As many as a kernel can be given on any adapter, beside its result. */
const mostParts = 4;

/** A program as kernels can be made of it. */
export function prepared(program: Program): Program {
  const staged = withStagedReductions(
    withShortConcats(withStagedSorts(withSortedUpdates(withAttentionRows(program)))),
  );
  return withPackedOutputs(withSmallFirst(withTurnedProducts(staged)));
}

/** Results whose elements share words, each computed by another thread, are packed by a step of their own. */
function withPackedOutputs(program: Program): Program {
  const first = program.inputs.length + program.constants.length;
  const instructions = [...program.instructions];
  const outputs = program.outputs.map((value) => {
    const made = program.instructions[value - first];
    if (made === undefined || elementsPerWord(made.type.dtype) === 1) return value;
    if (!isAnchor(made.op)) return value;
    return first + instructions.push({ ...made, op: aliasOp, inputs: [value], attributes: {} }) - 1;
  });
  return { ...program, instructions, outputs };
}

/** Many parts are put together few by few. */
function withShortConcats(program: Program): Program {
  return rewritten(program, (instruction, add, types) => {
    if (instruction.op !== concatOp || instruction.inputs.length <= mostParts) return undefined;
    let { inputs } = instruction;
    const { axis } = instruction.attributes as ConcatAttributes;
    while (inputs.length > mostParts) {
      const groups: number[] = [];
      for (let i = 0; i < inputs.length; i += mostParts) {
        const parts = inputs.slice(i, i + mostParts);
        const shape = [...instruction.type.shape];
        shape[axis] = parts.reduce((sum, part) => sum + (types[part]?.shape[axis] ?? 0), 0);
        const type = { ...instruction.type, shape };
        const [only = -1] = parts;
        groups.push(parts.length === 1 ? only : add({ ...instruction, inputs: parts, type }));
      }
      inputs = groups;
    }
    return add({ ...instruction, inputs });
  });
}

/** A reduction to fewer lines than this, each longer than that, would leave most of a device without work. */
const fewLines = 64;
const longLine = 4096;
const stagedLines = 256;

/** Long reductions to few results, such as the sum of a whole tensor, take two stages: of parts, and of their results. */
function withStagedReductions(program: Program): Program {
  return rewritten(program, (instruction, add, types) => {
    const { op, inputs, type } = instruction;
    const [x = -1] = inputs;
    if (!isReduction(op) || isPlaceOfExtremum(op)) return undefined;
    const { shape, dtype } = types[x] as TensorType;
    const { axes } = instruction.attributes as ReductionAttributes;
    const lines = sizeOf(type.shape);
    if (lines === 0 || lines >= fewLines || sizeOf(shape) / lines < longLine) return undefined;
    const [axis, parts] = split(shape, axes, Math.ceil(stagedLines / lines));
    if (axis === undefined || parts < 4) return undefined;
    const behind = (i: number): number => (i > axis ? i + 1 : i);
    const side = shape[axis] as number;
    const whole = shape.flatMap((other, i) => (i === axis ? [parts, side / parts] : [other]));
    // The axis of the parts is the one of both that comes first.
    const first = axes.map((i) => (i === axis ? i + 1 : behind(i)));
    const kept = whole.map((other, i) => (first.includes(i) ? 1 : other));
    const reduce = (input: number, over: readonly number[], to: Shape): number =>
      add({
        ...instruction,
        inputs: [input],
        attributes: { axes: over, keepAxes: true },
        type: { shape: to, dtype },
      });
    const view = (input: number, to: Shape): number =>
      add({
        ...instruction,
        op: reshapeOp,
        inputs: [input],
        attributes: { shape: to },
        type: { shape: to, dtype },
      });
    const partial = reduce(view(x, whole), first, kept);
    const total = reduce(partial, [axis], kept.with(axis, 1));
    return view(total, type.shape);
  });
}

/** The reduced axis that can be divided into the most parts, up to `most`, and how many. */
function split(
  shape: Shape,
  axes: readonly number[],
  most: number,
): readonly [axis: number | undefined, parts: number] {
  let best: readonly [number | undefined, number] = [undefined, 1];
  for (const axis of axes) {
    const side = shape[axis] as number;
    let parts = Math.min(side, most);
    while (side % parts !== 0) parts -= 1;
    if (parts > best[1]) best = [axis, parts];
  }
  return best;
}
