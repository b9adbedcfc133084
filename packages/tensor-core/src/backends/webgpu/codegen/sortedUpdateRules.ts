import { isFloat } from '../../../dtype.ts';
import type {
  CheckedIndicesAttributes,
  IndexRunsAttributes,
  SortedUpdatesAttributes,
} from '../schedule/updateSteps.ts';
import { checkedIndexAt } from './checkedIndexAt.ts';
import { coordinatesAt } from './coordinates.ts';
import type { InlineArguments, KernelWriter } from './kernelWriter.ts';
import { constantPlace, type Place, placeText, variablePlace } from './place.ts';
import { fitted, scalarOf } from './scalars.ts';

export function checkedIndicesRule({
  writer,
  instruction,
  coordinates,
}: InlineArguments<CheckedIndicesAttributes>): string {
  const [indices = -1] = instruction.inputs;
  const { side } = instruction.attributes;
  const place = checkedIndexAt(writer, instruction, indices, coordinates, side);
  return writer.name(`i32(${placeText(place)})`);
}

/** By halving. */
export function indexRunsRule({
  writer,
  instruction,
  coordinates,
}: InlineArguments<IndexRunsAttributes>): string {
  const [indices = -1, order = -1] = instruction.inputs;
  const { axis, isEnd } = instruction.attributes;
  const count = writer.type(indices).shape[axis] as number;
  const wanted = writer.name(`i32(${placeText(coordinates[axis] as Place)})`, 'w');
  const [low, high] = [writer.freshName('i'), writer.freshName('i')];
  writer.line(`var ${low} = 0u;`);
  writer.line(`var ${high} = ${count}u;`);
  writer.block(`while (${low} < ${high})`, () => {
    const middle = variablePlace(writer.name(`(${low} + ${high}) / 2u`, 'i'), count - 1);
    const { index } = orderedIndex(writer, [indices, order], coordinates, axis, middle);
    const isBefore = `${index} ${isEnd ? '<=' : '<'} ${wanted}`;
    writer.line(`if (${isBefore}) { ${low} = ${placeText(middle)} + 1u; }`);
    writer.line(`else { ${high} = ${placeText(middle)}; }`);
  });
  return writer.name(`i32(${low})`);
}

export function sortedUpdatesRule({
  writer,
  instruction,
  coordinates,
}: InlineArguments<SortedUpdatesAttributes>): string {
  const [x = -1, updates = -1, indices = -1, order = -1, runs = -1] = instruction.inputs;
  const { axis, isSum, slices } = instruction.attributes;
  const { shape, dtype } = writer.type(x);
  const sides = writer.type(indices).shape;
  const [along, at] =
    slices === null ? [axis, coordinates] : [0, [coordinates[axis] ?? constantPlace(0)]];
  const count = sides[along] as number;
  const wanted = placeText(coordinates[axis] as Place);
  const result = writer.freshName('s');
  writer.line(`var ${result}: ${scalarOf(dtype)} = ${writer.element(x, coordinates)};`);
  /** Takes the update at a place of the order along if it is for this element. */
  const take = (place: Place, otherwise = ''): void => {
    const { index, found } = orderedIndex(writer, [indices, order], at, along, place);
    if (otherwise !== '') writer.line(`if (u32(${index}) != ${wanted}) { ${otherwise} }`);
    writer.block(otherwise === '' ? `if (u32(${index}) == ${wanted})` : '', () => {
      const update =
        slices === null
          ? coordinates.with(axis, found)
          : [
              ...coordinates.slice(0, axis),
              ...coordinatesAt(found, slices),
              ...coordinates.slice(axis + 1),
            ];
      writer.line(`${result} ${isSum ? '+=' : '='} ${writer.element(updates, update)};`);
    });
  };
  // On the other axes the indices may end before the tensor does.
  const ends = at.flatMap((other, i) =>
    slices !== null || i === axis || sides[i] === shape[i]
      ? []
      : [`${placeText(other)} < ${sides[i]}u`],
  );
  writer.block(ends.length === 0 ? '' : `if (${ends.join(' && ')})`, () => {
    const run = `u32(${writer.element(runs, at)})`;
    const place = writer.freshName('j');
    if (isSum) {
      writer.block(`for (var ${place} = ${run}; ${place} < ${count}u; ${place}++)`, () => {
        take(variablePlace(place, count - 1), 'break;');
      });
      return;
    }
    writer.line(`let ${place} = max(${run}, 1u) - 1u;`);
    take(variablePlace(place, count - 1));
  });
  return isFloat(dtype) ? result : writer.name(fitted(result, dtype));
}

/** The index at a place of the order, and where it is among the indices. */
function orderedIndex(
  writer: KernelWriter,
  [indices, order]: readonly [number, number],
  coordinates: readonly Place[],
  axis: number,
  place: Place,
): { readonly index: string; readonly found: Place } {
  const count = writer.type(indices).shape[axis] as number;
  const along = (other: Place): readonly Place[] => coordinates.with(axis, other);
  const name = writer.name(`u32(${writer.element(order, along(place))})`, 'o');
  const found = variablePlace(name, count - 1);
  return { index: writer.element(indices, along(found)), found };
}
