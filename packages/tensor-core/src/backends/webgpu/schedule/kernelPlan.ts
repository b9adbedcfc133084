import type { DotAttributes } from '../../../ops/contraction/dot.ts';
import { type Shape, sizeOf } from '../../../shape.ts';
import type { TensorType } from '../../../type.ts';
import { coordinatesAt } from '../codegen/coordinates.ts';
import type { Place } from '../codegen/place.ts';
import { variablePlace } from '../codegen/place.ts';

export type KernelKind = 'map' | 'reduce' | 'dot' | 'scan' | 'sort' | 'attention';

/** What is computed together, and the coordinates at which one step of it has each of its values. */
export interface KernelPlan {
  readonly kind: KernelKind;
  /** Kernels run in the order of their numbers. */
  readonly number: number;
  /** The value that the kernel is there for. */
  readonly anchor: number;
  /** Coordinates of the values that it can tell, in its variables. */
  readonly members: Map<number, readonly Place[]>;
  /** Reductions over the same lines, in order. */
  readonly reductions: number[];
  /** Of a reduction or scan: how many lines there are, and their length. Else elements and 1. */
  readonly rows: number;
  readonly columns: number;
  /** Values of other kernels that it may read. */
  readonly reads: Set<number>;
}

/** Of kernels over elements one by one. */
export const elementVariable = 'e';
export const rowVariable = 'r';
export const columnVariable = 'c';
/** Which of the two numbers of a row of attention. */
export const pairVariable = 'w';

/** Coordinates of the operand of a reduction over `axes` in the variables of its line and of the place in it. */
export function lineCoordinates(
  shape: Shape,
  axes: readonly number[],
  row: Place,
  column: Place,
): Place[] {
  const kept = shape.filter((_, axis) => !axes.includes(axis));
  const reduced = axes.map((axis) => shape[axis] as number);
  const [rows, columns] = [coordinatesAt(row, kept), coordinatesAt(column, reduced)];
  let next = 0;
  return shape.map((_, axis) => {
    const place = axes.indexOf(axis);
    return (place >= 0 ? columns[place] : rows[next++]) as Place;
  });
}

export function rowPlace(rows: number): Place {
  return variablePlace(rowVariable, rows - 1);
}

export function columnPlace(columns: number): Place {
  return variablePlace(columnVariable, columns - 1);
}

/** The sides of a product of matrices, a batch of them, that a contraction is. */
export interface DotSides {
  readonly batches: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly batchShape: Shape;
  readonly rowShape: Shape;
  readonly columnShape: Shape;
  readonly depthShape: Shape;
  readonly freeA: readonly number[];
  readonly freeB: readonly number[];
}

export function dotSides(
  a: TensorType,
  b: TensorType,
  { contract, batch }: DotAttributes,
): DotSides {
  const free = (shape: Shape, side: 0 | 1): number[] =>
    [...shape.keys()].filter(
      (axis) => !contract[side].includes(axis) && !batch[side].includes(axis),
    );
  const sides = (shape: Shape, axes: readonly number[]): number[] =>
    axes.map((axis) => shape[axis] as number);
  const [freeA, freeB] = [free(a.shape, 0), free(b.shape, 1)];
  const batchShape = sides(a.shape, batch[0]);
  const rowShape = sides(a.shape, freeA);
  const columnShape = sides(b.shape, freeB);
  const depthShape = sides(a.shape, contract[0]);
  return {
    batches: sizeOf(batchShape),
    rows: sizeOf(rowShape),
    columns: sizeOf(columnShape),
    depth: sizeOf(depthShape),
    batchShape,
    rowShape,
    columnShape,
    depthShape,
    freeA,
    freeB,
  };
}

/** Coordinates of an operand of a product, or of its result, in batch, row or column, and depth. */
export function dotCoordinates(
  rank: number,
  parts: readonly (readonly [axes: readonly number[], place: Place, shape: Shape])[],
): Place[] {
  const coordinates: Place[] = new Array<Place>(rank);
  for (const [axes, place, shape] of parts) {
    const places = coordinatesAt(place, shape);
    axes.forEach((axis, i) => {
      coordinates[axis] = places[i] as Place;
    });
  }
  return coordinates;
}
