import { flatPlace } from '../codegen/coordinates.ts';
import type { Place } from '../codegen/place.ts';
import { coordinatesOf, type EmitArguments, sameCoordinates } from './kernelText.ts';

/**
 * Function `finish(z: u32, m: u32, n: u32, sum: f32)`, which stores all that is made of an element of the anchor, at
 * its batch, row and column.
 */
export function finishFunction({ plan, values, writer, stored }: EmitArguments): string {
  return writer.functionBlock('fn finish(z: u32, m: u32, n: u32, sum: f32)', () => {
    const known = (value: number, at: readonly Place[]): string | undefined =>
      value === plan.anchor && sameCoordinates(coordinatesOf(plan, value), at) ? 'sum' : undefined;
    writer.knowing(known, () => {
      for (const value of stored) {
        const coordinates = coordinatesOf(plan, value);
        const place = flatPlace(coordinates, values.type(value).shape);
        writer.storeElement(value, place, writer.element(value, coordinates));
      }
    });
  });
}
