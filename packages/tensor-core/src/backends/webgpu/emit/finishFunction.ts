import { flatPlace } from '../codegen/coordinates.ts';
import type { Place } from '../codegen/place.ts';
import { coordinatesOf, type EmitArguments, sameCoordinates } from './kernelText.ts';

/**
 * Function `finish(z: u32, m: u32, n: u32, sum: f32)`, which stores all that is made of an element of the anchor, at
 * its batch, row and column. Of several values it takes the elements at one place, in order.
 */
export function finishFunction(
  { plan, values, writer, stored }: EmitArguments,
  anchors: readonly number[] = [plan.anchor],
): string {
  const names = new Map(anchors.map((value, i) => [value, i === 0 ? 'sum' : `sum${i}`]));
  const sums = [...names.values()].map((name) => `${name}: f32`).join(', ');
  return writer.functionBlock(`fn finish(z: u32, m: u32, n: u32, ${sums})`, () => {
    const known = (value: number, at: readonly Place[]): string | undefined =>
      sameCoordinates(coordinatesOf(plan, value), at) ? names.get(value) : undefined;
    writer.knowing(known, () => {
      for (const value of stored) {
        const coordinates = coordinatesOf(plan, value);
        const place = flatPlace(coordinates, values.type(value).shape);
        writer.storeElement(value, place, writer.element(value, coordinates));
      }
    });
  });
}
