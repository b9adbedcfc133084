import { isFloat } from '../../../dtype.ts';
import type { AnyOp, Attributes } from '../../../op.ts';
import { fullOp } from '../../../ops/create/full.ts';
import { type IotaAttributes, iotaOp } from '../../../ops/create/iota.ts';
import { type GatherAttributes, gatherOp } from '../../../ops/index/gather.ts';
import { type TakeAlongAxisAttributes, takeAlongAxisOp } from '../../../ops/index/takeAlongAxis.ts';
import { broadcastToOp } from '../../../ops/movement/broadcastTo.ts';
import { type ConcatAttributes, concatOp } from '../../../ops/movement/concat.ts';
import { dynamicSliceOp } from '../../../ops/movement/dynamicSlice.ts';
import { dynamicUpdateSliceOp } from '../../../ops/movement/dynamicUpdateSlice.ts';
import { type FlipAttributes, flipOp } from '../../../ops/movement/flip.ts';
import { type PadAttributes, padOp } from '../../../ops/movement/pad.ts';
import { type PermuteAttributes, permuteOp } from '../../../ops/movement/permute.ts';
import { reshapeOp } from '../../../ops/movement/reshape.ts';
import { type SliceAttributes, sliceOp } from '../../../ops/movement/slice.ts';
import { type RandomBitsAttributes, randomBitsOp } from '../../../ops/random/randomBits.ts';
import { aliasOp } from '../../../ops/unary/alias.ts';
import { barrierOp } from '../../../ops/unary/barrier.ts';
import { castOp } from '../../../ops/unary/cast.ts';
import type { Instruction } from '../../../program.ts';
import type { Shape } from '../../../shape.ts';
import { mergeRunsOp } from '../schedule/sortSteps.ts';
import { checkedIndicesOp, indexRunsOp, sortedUpdatesOp } from '../schedule/updateSteps.ts';
import { checkedIndexAt } from './checkedIndexAt.ts';
import { coordinatesAt, flatPlace } from './coordinates.ts';
import type { InlineArguments, InlineRule, KernelWriter } from './kernelWriter.ts';
import { mergeRule } from './mergeRule.ts';
import {
  addPlaces,
  constantPlace,
  dividePlace,
  isMultipleOf,
  type Place,
  placeText,
  remainderOfPlace,
  scalePlace,
  shiftPlace,
  variablePlace,
} from './place.ts';
import { converted, fitted, literalText, scalarOf } from './scalars.ts';
import { checkedIndicesRule, indexRunsRule, sortedUpdatesRule } from './sortedUpdateRules.ts';
import { updateRules } from './updateRules.ts';

interface OpRule {
  readonly op: AnyOp;
  readonly rule: InlineRule;
}

function ruleOf<A extends Attributes>(
  op: AnyOp & { readonly __attributes?: A },
  rule: (args: InlineArguments<A>) => string,
): OpRule {
  return { op, rule: rule as InlineRule };
}

/** Moves coordinates of the result to those of the first operand. */
function view<A extends Attributes>(
  op: AnyOp,
  move: (coordinates: readonly Place[], attributes: A, from: Shape, to: Shape) => readonly Place[],
): OpRule {
  return ruleOf<A>(op, ({ writer, instruction, coordinates }) => {
    const [x = -1] = instruction.inputs;
    const { attributes, type } = instruction;
    return writer.element(x, move(coordinates, attributes, writer.type(x).shape, type.shape));
  });
}

const rules: readonly OpRule[] = [
  ruleOf(fullOp, ({ instruction: { type, attributes } }) =>
    literalText(scalarOf(type.dtype), Number(attributes.value)),
  ),
  ruleOf<IotaAttributes>(iotaOp, ({ writer, instruction: { type, attributes }, coordinates }) => {
    const place = placeText(coordinates[attributes.axis] ?? constantPlace(0));
    const scalar = scalarOf(type.dtype);
    return writer.name(fitted(scalar === 'u32' ? place : `${scalar}(${place})`, type.dtype));
  }),
  view(aliasOp, (coordinates) => coordinates),
  view(barrierOp, (coordinates) => coordinates),
  view(reshapeOp, reshaped),
  view<PermuteAttributes>(permuteOp, (coordinates, { axes }) => {
    const moved: Place[] = [];
    axes.forEach((axis, i) => {
      moved[axis] = coordinates[i] as Place;
    });
    return moved;
  }),
  view(broadcastToOp, (coordinates, _, from) => broadcastCoordinates(coordinates, from)),
  view<SliceAttributes>(sliceOp, (coordinates, { starts, steps }) =>
    coordinates.map((place, axis) =>
      shiftPlace(scalePlace(place, steps[axis] as number), starts[axis] as number),
    ),
  ),
  view<FlipAttributes>(flipOp, (coordinates, { axes }, from) =>
    coordinates.map((place, axis) =>
      axes.includes(axis) ? shiftPlace(scalePlace(place, -1), (from[axis] as number) - 1) : place,
    ),
  ),
  ruleOf<PadAttributes>(padOp, ({ writer, instruction, coordinates }) => {
    const { low, interior } = instruction.attributes;
    const [x = -1] = instruction.inputs;
    const { shape, dtype } = writer.type(x);
    const conditions: string[] = [];
    const inside = shape.map((side, axis) => {
      const place = coordinates[axis] as Place;
      const [before, step] = [low[axis] as number, (interior[axis] as number) + 1];
      const behind = before + (side - 1) * step;
      if (place.min < before) conditions.push(`${placeText(place)} >= ${before}u`);
      if (place.max > behind) conditions.push(`${placeText(place)} <= ${behind}u`);
      const shifted = shiftPlace(place, -before);
      if (step === 1) return within(shifted, side);
      if (!isMultipleOf(shifted, step)) conditions.push(`(${placeText(shifted)}) % ${step}u == 0u`);
      return within(dividePlace(within(shifted, (side - 1) * step + 1), step), side);
    });
    if (conditions.length === 0) return writer.element(x, inside);
    const scalar = scalarOf(dtype);
    const result = writer.freshName('p');
    writer.line(`var ${result} = ${literalText(scalar, 0)};`);
    writer.block(`if (${conditions.join(' && ')})`, () => {
      writer.line(`${result} = ${writer.element(x, inside)};`);
    });
    return result;
  }),
  ruleOf<ConcatAttributes>(concatOp, ({ writer, instruction, coordinates }) => {
    const { axis } = instruction.attributes;
    const place = coordinates[axis] as Place;
    let start = 0;
    const parts = instruction.inputs.flatMap((input) => {
      const side = writer.type(input).shape[axis] as number;
      const from = start;
      start += side;
      return side === 0 || place.max < from || place.min >= start ? [] : [{ input, from, side }];
    });
    const taken = ({ input, from, side }: (typeof parts)[number]): string =>
      writer.element(
        input,
        coordinates.map((other, i) =>
          i === axis ? within(shiftPlace(other, -from), side) : other,
        ),
      );
    const [only] = parts;
    if (only === undefined) return literalText(scalarOf(instruction.type.dtype), 0);
    if (parts.length === 1) return taken(only);
    const result = writer.freshName('c');
    writer.line(`var ${result}: ${scalarOf(instruction.type.dtype)};`);
    parts.forEach((part, i) => {
      const isLast = i === parts.length - 1;
      const condition = `if (${placeText(place)} < ${part.from + part.side}u)`;
      const head = i === 0 ? condition : isLast ? 'else' : `else ${condition}`;
      writer.block(head, () => {
        writer.line(`${result} = ${taken(part)};`);
      });
    });
    return result;
  }),
  ruleOf<GatherAttributes>(gatherOp, ({ writer, instruction, coordinates }) => {
    const { axis } = instruction.attributes;
    const [x = -1, indices = -1] = instruction.inputs;
    const { shape } = writer.type(x);
    const count = writer.type(indices).shape.length;
    const at = coordinates.slice(axis, axis + count);
    const index = checkedIndexAt(writer, instruction, indices, at, shape[axis] as number);
    return writer.element(x, [
      ...coordinates.slice(0, axis),
      index,
      ...coordinates.slice(axis + count),
    ]);
  }),
  ruleOf<TakeAlongAxisAttributes>(takeAlongAxisOp, ({ writer, instruction, coordinates }) => {
    const { axis } = instruction.attributes;
    const [x = -1, indices = -1] = instruction.inputs;
    const side = writer.type(x).shape[axis] as number;
    const index = checkedIndexAt(writer, instruction, indices, coordinates, side);
    return writer.element(
      x,
      coordinates.map((place, i) => (i === axis ? index : place)),
    );
  }),
  ruleOf(dynamicSliceOp, ({ writer, instruction, coordinates }) => {
    const [x = -1, starts = -1] = instruction.inputs;
    const origin = boxOrigin(writer, x, instruction.type.shape, starts);
    return writer.element(
      x,
      coordinates.map((place, axis) => addPlaces(place, origin[axis] as Place)),
    );
  }),
  ruleOf(dynamicUpdateSliceOp, ({ writer, instruction, coordinates }) => {
    const [x = -1, update = -1, starts = -1] = instruction.inputs;
    const sizes = writer.type(update).shape;
    if (sizes.includes(0)) return writer.element(x, coordinates);
    const origin = boxOrigin(writer, x, sizes, starts);
    const conditions = coordinates.flatMap((place, axis) => {
      const [from, size] = [origin[axis] as Place, sizes[axis] as number];
      const [here, start] = [placeText(place), placeText(from)];
      return size === instruction.type.shape[axis]
        ? []
        : [`${here} >= ${start} && ${here} < ${start} + ${size}u`];
    });
    const inside = coordinates.map((place, axis) =>
      within(addPlaces(place, scalePlace(origin[axis] as Place, -1)), sizes[axis] as number),
    );
    if (conditions.length === 0) return writer.element(update, inside);
    const result = writer.freshName('u');
    writer.line(`var ${result}: ${scalarOf(instruction.type.dtype)};`);
    writer.block(`if (${conditions.join(' && ')})`, () => {
      writer.line(`${result} = ${writer.element(update, inside)};`);
    });
    writer.block('else', () => {
      writer.line(`${result} = ${writer.element(x, coordinates)};`);
    });
    return result;
  }),
  ruleOf<RandomBitsAttributes>(randomBitsOp, ({ writer, instruction, coordinates }) => {
    const { shape, stream } = instruction.attributes;
    const [key = -1] = instruction.inputs;
    const words = [0, 1].map((i) => writer.element(key, [constantPlace(i)]));
    const place = flatPlace(coordinates, shape);
    const counter = placeText(dividePlace(place, 2));
    const isSecond = `${placeText(remainderOfPlace(place, 2))} == 1u`;
    return writer.name(`threefry(${words.join(', ')}, ${stream >>> 0}u, ${counter}, ${isSecond})`);
  }),
  ruleOf(mergeRunsOp, mergeRule),
  ruleOf(checkedIndicesOp, checkedIndicesRule),
  ruleOf(indexRunsOp, indexRunsRule),
  ruleOf(sortedUpdatesOp, sortedUpdatesRule),
  ruleOf(castOp, ({ writer, instruction: { inputs, type }, coordinates }) => {
    const [x = -1] = inputs;
    const { dtype } = writer.type(x);
    const element = writer.element(x, coordinates);
    const [from, to] = [scalarOf(dtype), scalarOf(type.dtype)];
    const cast = converted(element, from, to);
    const isWider = isFloat(dtype) && type.dtype === 'f32';
    const text = isWider ? cast : fitted(cast, type.dtype);
    return text === element ? element : writer.name(text);
  }),
];

const ruleByOp = new Map<AnyOp, InlineRule>(rules.map(({ op, rule }) => [op, rule]));

/** The rule of an op whose results need not be in memory; undefined for those that need a kernel of their own. */
export function inlineRule({ op }: Instruction): InlineRule | undefined {
  const known = ruleByOp.get(op) ?? updateRules.get(op);
  if (known !== undefined) return known;
  if (op.kind !== 'primitive' || op.wgsl === undefined || op.elementwise === undefined)
    return undefined;
  return elementwise;
}

/** Whether the op only says where an element comes from. */
export function isView({ op }: Instruction): boolean {
  return viewOps.has(op);
}

const viewOps = new Set<AnyOp>([
  aliasOp,
  barrierOp,
  reshapeOp,
  permuteOp,
  broadcastToOp,
  sliceOp,
  flipOp,
]);

const elementwise: InlineRule = ({ writer, instruction: { op, inputs, type }, coordinates }) => {
  if (op.kind !== 'primitive' || op.wgsl === undefined) return '';
  const operands = inputs.map((input) =>
    writer.element(input, broadcastCoordinates(coordinates, writer.type(input).shape)),
  );
  const [first = -1] = inputs;
  const scalar = scalarOf(writer.type(first).dtype);
  const text = op.wgsl(operands, {
    scalar,
    zero: literalText(scalar, 0),
    truth: (element = '') => converted(element, scalar, 'bool'),
    ordered: (element = '') => (scalar === 'bool' ? `u32(${element})` : element),
  });
  if (operands.includes(text)) return text;
  // Floats keep the digits that they have in a kernel until they are stored.
  if (!isFloat(type.dtype)) return writer.name(fitted(text, type.dtype));
  return writer.name(choices.has(op.name) ? text : `kept(${text})`);
};

/** Ops that give one of their operands, or its opposite: there is nothing to round. */
const choices = new Set(['neg', 'abs', 'where', 'maximum', 'minimum', 'sign', 'relu', 'clamp']);

/** Coordinates in a shape that broadcasts to that of `coordinates`. */
export function broadcastCoordinates(coordinates: readonly Place[], from: Shape): Place[] {
  const missing = coordinates.length - from.length;
  return from.map((side, axis) =>
    side === 1 ? constantPlace(0) : (coordinates[axis + missing] as Place),
  );
}

function reshaped(
  coordinates: readonly Place[],
  _: Attributes,
  from: Shape,
  to: Shape,
): readonly Place[] {
  return reshapeCoordinates(coordinates, to, from);
}

/** Coordinates in shape `from` as those of the same element in shape `to`. Sides that both share stay as they are. */
export function reshapeCoordinates(coordinates: readonly Place[], from: Shape, to: Shape): Place[] {
  const result: Place[] = [];
  let [a, b] = [0, 0];
  while (b < to.length || a < from.length) {
    let [sizeA, sizeB, endA, endB] = [1, 1, a, b];
    if (endA < from.length) sizeA *= from[endA++] as number;
    if (endB < to.length) sizeB *= to[endB++] as number;
    while (sizeA !== sizeB) {
      if (sizeA < sizeB && endA < from.length) sizeA *= from[endA++] as number;
      else if (endB < to.length) sizeB *= to[endB++] as number;
      else if (endA < from.length) sizeA *= from[endA++] as number;
      else break;
    }
    const flat = flatPlace(coordinates.slice(a, endA), from.slice(a, endA));
    result.push(...coordinatesAt(flat, to.slice(b, endB)));
    [a, b] = [endA, endB];
  }
  return result;
}

/** A place of which is known, where it is used, that it lies in a side. */
function within(place: Place, side: number): Place {
  const max = Math.max(0, Math.min(place.max, side - 1));
  return place.min >= 0 && place.max <= max
    ? place
    : { ...place, min: Math.max(0, place.min), max };
}

function boxOrigin(writer: KernelWriter, x: number, sizes: Shape, starts: number): Place[] {
  const { shape } = writer.type(x);
  const isSigned = scalarOf(writer.type(starts).dtype) === 'i32';
  return shape.map((side, axis) => {
    const last = side - (sizes[axis] as number);
    if (last === 0) return constantPlace(0);
    const start = writer.element(starts, [constantPlace(axis)]);
    const clamped = isSigned ? `u32(clamp(${start}, 0, ${last}))` : `min(${start}, ${last}u)`;
    return variablePlace(writer.name(clamped, 's'), last);
  });
}
