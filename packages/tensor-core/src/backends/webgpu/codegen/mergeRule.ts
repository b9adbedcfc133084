import type { MergeRunsAttributes } from '../schedule/sortSteps.ts';
import type { InlineArguments } from './kernelWriter.ts';
import { orderedBits } from './orderedBits.ts';
import { dividePlace, type Place, placeText, remainderOfPlace, variablePlace } from './place.ts';
import { scalarOf } from './scalars.ts';

/**
 * What lies at a place of two runs merged: how many come from the first run is found by halving, on the line of all
 * splits that are as long as the place ("merge path"). Of equals that of the first run comes first.
 */
export function mergeRule({
  writer,
  instruction,
  coordinates,
}: InlineArguments<MergeRunsAttributes>): string {
  const [x = -1, runs = -1] = instruction.inputs;
  const { axis, descending, span, width, merged } = instruction.attributes;
  const { shape, dtype } = writer.type(x);
  const side = shape[axis] as number;
  const slots = writer.type(runs).shape[axis] as number;
  const along = (place: Place): Place[] =>
    coordinates.map((other, i) => (i === axis ? place : other));
  /** Where in the line the element at a place of a run is. */
  const member = (start: string, place: string): string => {
    const slot = writer.name(`${start} * ${width}u + ${place}`, 'q');
    return writer.name(`u32(${writer.element(runs, along(variablePlace(slot, slots - 1)))})`, 'm');
  };
  const bitsOf = (found: string): string => {
    const element = writer.element(x, along(variablePlace(found, side - 1)));
    return writer.name(orderedBits(element, scalarOf(dtype), descending), 'o');
  };
  const at = coordinates[axis] as Place;
  const place = writer.name(placeText(remainderOfPlace(at, merged)), 'q');
  const first = writer.name(`2u * ${placeText(dividePlace(at, merged))}`, 'q');
  const second = writer.name(`${first} + 1u`, 'q');
  const lengthOf = (run: string): string =>
    writer.name(`min(${width}u, max(${side}u, ${run} * ${span}u) - ${run} * ${span}u)`, 'n');
  const [a, b] = [lengthOf(first), lengthOf(second)];
  const result = writer.freshName('r');
  writer.line(`var ${result} = 0;`);
  writer.block(`if (${place} < ${a} + ${b})`, () => {
    const [low, high] = [writer.freshName('i'), writer.freshName('i')];
    writer.line(`var ${low} = max(${place}, ${b}) - ${b};`);
    writer.line(`var ${high} = min(${place}, ${a});`);
    writer.block(`while (${low} < ${high})`, () => {
      const middle = writer.name(`(${low} + ${high}) / 2u`, 'i');
      const left = bitsOf(member(first, middle));
      const right = bitsOf(member(second, `${place} - 1u - ${middle}`));
      writer.line(`if (${left} <= ${right}) { ${low} = ${middle} + 1u; }`);
      writer.line(`else { ${high} = ${middle}; }`);
    });
    const isFirst = writer.freshName('t');
    writer.line(`var ${isFirst} = ${low} < ${a};`);
    writer.block(`if (${isFirst} && ${place} - ${low} < ${b})`, () => {
      const left = bitsOf(member(first, low));
      const right = bitsOf(member(second, `${place} - ${low}`));
      writer.line(`${isFirst} = ${left} <= ${right};`);
    });
    const run = writer.name(`select(${second}, ${first}, ${isFirst})`, 'q');
    const found = member(run, `select(${place} - ${low}, ${low}, ${isFirst})`);
    writer.line(`${result} = i32(${found});`);
  });
  return result;
}
