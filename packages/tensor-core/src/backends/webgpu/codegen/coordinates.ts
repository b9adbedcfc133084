import type { Shape } from '../../../shape.ts';
import { addPlaces, dividePlace, type Place, remainderOfPlace, scalePlace } from './place.ts';

/** Where an element is among all, row-major. */
export function flatPlace(coordinates: readonly Place[], shape: Shape): Place {
  let stride = 1;
  const parts: Place[] = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const place = coordinates[axis];
    if (place !== undefined && shape[axis] !== 1) parts.push(scalePlace(place, stride));
    stride *= shape[axis] as number;
  }
  return addPlaces(...parts);
}

/** The coordinates of the element at a flat place. */
export function coordinatesAt(place: Place, shape: Shape): Place[] {
  const coordinates: Place[] = [];
  let rest = place;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const side = shape[axis] as number;
    if (axis === 0) {
      coordinates[axis] = side === 1 ? remainderOfPlace(rest, 1) : rest;
      break;
    }
    coordinates[axis] = remainderOfPlace(rest, side);
    rest = dividePlace(rest, side);
  }
  return coordinates;
}
