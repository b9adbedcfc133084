import { isFloat } from '../../../dtype.ts';
import type { AnyOp, Attributes } from '../../../op.ts';
import { type PutAlongAxisAttributes, putAlongAxisOp } from '../../../ops/index/putAlongAxis.ts';
import { scatterOp } from '../../../ops/index/scatter.ts';
import { type ScatterAddAttributes, scatterAddOp } from '../../../ops/index/scatterAdd.ts';
import { type Shape, sizeOf } from '../../../shape.ts';
import { checkedIndexAt } from './checkedIndexAt.ts';
import { coordinatesAt } from './coordinates.ts';
import type { InlineArguments, InlineRule } from './kernelWriter.ts';
import { constantPlace, type Place, placeText, variablePlace } from './place.ts';
import { fitted, scalarOf } from './scalars.ts';

/** An update that may belong to the wanted element: where its index is, and where the update. */
interface Candidate {
  readonly index: readonly Place[];
  readonly update: readonly Place[];
}

/**
 * Each element of the result goes through all updates that might be for it, in order: no two threads write to one
 * place, so the result does not depend on which is first.
 */
function walk(
  { writer, instruction, coordinates }: InlineArguments,
  axis: number,
  count: number,
  isSum: boolean,
  candidate: (place: Place) => Candidate,
  condition = '',
): string {
  const [x = -1, indices = -1, updates = -1] = instruction.inputs;
  const { shape, dtype } = writer.type(x);
  const [result, place] = [writer.freshName('s'), writer.freshName('j')];
  writer.line(`var ${result}: ${scalarOf(dtype)} = ${writer.element(x, coordinates)};`);
  const last = condition === '' ? `${count}u` : `select(0u, ${count}u, ${condition})`;
  writer.block(`for (var ${place} = 0u; ${place} < ${last}; ${place}++)`, () => {
    const { index, update } = candidate(variablePlace(place, count - 1));
    const side = shape[axis] as number;
    const found = checkedIndexAt(writer, instruction, indices, index, side);
    const wanted = coordinates[axis] as Place;
    writer.block(`if (${placeText(found)} == ${placeText(wanted)})`, () => {
      const value = writer.element(updates, update);
      writer.line(`${result} ${isSum ? '+=' : '='} ${value};`);
    });
  });
  return isFloat(dtype) ? result : writer.name(fitted(result, dtype));
}

/** Whole slices at indices along an axis. */
function slices(isSum: boolean): InlineRule {
  return (args) => {
    const { writer, instruction, coordinates } = args;
    const { axis } = instruction.attributes as ScatterAddAttributes;
    const { shape } = writer.type(instruction.inputs[1] ?? -1);
    return walk(args, axis, sizeOf(shape), isSum, (place) => {
      const index = coordinatesAt(place, shape);
      const update = [...coordinates.slice(0, axis), ...index, ...coordinates.slice(axis + 1)];
      return { index, update };
    });
  };
}

const alongAxis: InlineRule = (args) => {
  const { writer, instruction, coordinates } = args;
  const { axis, mode } = instruction.attributes as PutAlongAxisAttributes;
  const { shape } = writer.type(instruction.inputs[1] ?? -1);
  // On the other axes the indices may end before the tensor does.
  const sides = writer.type(instruction.inputs[0] ?? -1).shape;
  const ends = coordinates.flatMap((other, i) =>
    i === axis || shape[i] === sides[i] ? [] : [`${placeText(other)} < ${shape[i]}u`],
  );
  const candidate = (place: Place): Candidate => {
    const at = coordinates.map((other, i) => {
      if (i === axis) return place;
      return shape[i] === 1 ? constantPlace(0) : other;
    });
    return { index: at, update: at };
  };
  return walk(args, axis, shape[axis] as number, mode === 'add', candidate, ends.join(' && '));
};

/** Rules of ops that put updates at places that are known when they run. */
export const updateRules: ReadonlyMap<AnyOp, InlineRule> = new Map<AnyOp, InlineRule>([
  [scatterOp, slices(false)],
  [scatterAddOp, slices(true)],
  [putAlongAxisOp, alongAxis],
]);

/** How many updates each element of the result goes through. */
export function updatesPerElement(op: AnyOp, attributes: Attributes, indices: Shape): number {
  if (!updateRules.has(op)) return 0;
  return op === putAlongAxisOp ? (indices[Number(attributes.axis)] ?? 0) : sizeOf(indices);
}
