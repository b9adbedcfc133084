import type { DotAttributes } from '../../../ops/contraction/dot.ts';
import type { Instruction } from '../../../program.ts';
import { flatPlace } from '../codegen/coordinates.ts';
import {
  addPlaces,
  constantPlace,
  type Place,
  placeText,
  scalePlace,
  variablePlace,
} from '../codegen/place.ts';
import { type DotSides, dotCoordinates, dotSides } from '../schedule/kernelPlan.ts';
import {
  coordinatesOf,
  type EmitArguments,
  groupIndex,
  type KernelForm,
  sameCoordinates,
} from './kernelText.ts';

const threads = 64;

/** Each thread computes a tile of the result in its registers. */
export function emitDot(args: EmitArguments): KernelForm {
  const { plan, values, writer, stored } = args;
  const made = values.instruction(plan.anchor) as Instruction;
  const [a = -1, b = -1] = made.inputs;
  const attributes = made.attributes as DotAttributes;
  const sides = dotSides(values.type(a), values.type(b), attributes);
  const [tall, wide] = tileOf(sides);
  const [down, across] = [Math.ceil(sides.rows / tall), Math.ceil(sides.columns / wide)];
  // Threads of a group go along the columns first: they share rows, and read columns side by side.
  const lanes = Math.min(threads, 2 ** Math.ceil(Math.log2(across)));
  const [groupsDown, groupsAcross] = [
    Math.ceil((down * lanes) / threads),
    Math.ceil(across / lanes),
  ];
  const isWholeDown = groupsDown * (threads / lanes) * tall === sides.rows;
  const isWholeAcross = groupsAcross * lanes * wide === sides.columns;
  const groups = sides.batches * groupsDown * groupsAcross;
  const epilogue = emitEpilogue();

  writer.line(`let id = ${groupIndex};`);
  writer.line(`if (id >= ${groups}u) { return; }`);
  const z = named('z', `id / ${groupsDown * groupsAcross}u`, sides.batches);
  const tileRow = tilePlace(
    'i',
    `id / ${groupsAcross}u % ${groupsDown}u`,
    threads / lanes,
    `local / ${lanes}u`,
    down,
  );
  const tileColumn = tilePlace('j', `id % ${groupsAcross}u`, lanes, `local % ${lanes}u`, across);
  const rows = places('m', tileRow, tall, sides.rows, isWholeDown);
  const columns = places('n', tileColumn, wide, sides.columns, isWholeAcross);
  for (const [i] of rows.entries())
    for (const [j] of columns.entries()) writer.line(`var c${i}_${j} = 0.0;`);
  const step = (k: Place): void => {
    const left = rows.map((m) => writer.element(a, coordinatesA(z, m, k)));
    const right = columns.map((n) => writer.element(b, coordinatesB(z, n, k)));
    left.forEach((x, i) => {
      right.forEach((y, j) => {
        writer.line(`c${i}_${j} += ${x} * ${y};`);
      });
    });
  };
  writer.block(`for (var k = 0u; k < ${sides.depth}u; k++)`, () => {
    step(variablePlace('k', sides.depth - 1));
  });
  for (let i = 0; i < tall; i++)
    for (let j = 0; j < wide; j++) {
      const m = `${placeText(scalePlace(tileRow, tall))} + ${i}u`;
      const n = `${placeText(scalePlace(tileColumn, wide))} + ${j}u`;
      const guards = [
        ...(isWholeDown ? [] : [`${m} < ${sides.rows}u`]),
        ...(isWholeAcross ? [] : [`${n} < ${sides.columns}u`]),
      ];
      const call = `finish(${placeText(z)}, ${m}, ${n}, c${i}_${j});`;
      writer.line(guards.length === 0 ? call : `if (${guards.join(' && ')}) { ${call} }`);
    }
  return { workgroup: threads, groups, header: epilogue };

  function coordinatesA(batch: Place, m: Place, k: Place): Place[] {
    return dotCoordinates(values.type(a).shape.length, [
      [attributes.batch[0], batch, sides.batchShape],
      [sides.freeA, m, sides.rowShape],
      [attributes.contract[0], k, sides.depthShape],
    ]);
  }

  function coordinatesB(batch: Place, n: Place, k: Place): Place[] {
    return dotCoordinates(values.type(b).shape.length, [
      [attributes.batch[1], batch, sides.batchShape],
      [sides.freeB, n, sides.columnShape],
      [attributes.contract[1], k, sides.depthShape],
    ]);
  }

  /** The place of a tile, that of its group and in it that of the thread; there may be threads behind the last tile. */
  function tilePlace(
    name: string,
    group: string,
    each: number,
    local: string,
    size: number,
  ): Place {
    const text = each === 1 ? group : `(${group}) * ${each}u + ${local}`;
    return named(name, text, Math.ceil(size / each) * each);
  }

  function named(name: string, text: string, size: number): Place {
    if (size === 1) return constantPlace(0);
    writer.line(`let ${name} = ${text};`);
    return variablePlace(name, size - 1);
  }

  /** Places of a tile's rows, or columns; those behind the last are taken to be the last. */
  function places(
    name: string,
    tile: Place,
    each: number,
    size: number,
    isWhole: boolean,
  ): Place[] {
    return Array.from({ length: each }, (_, i) => {
      const place = addPlaces(scalePlace(tile, each), constantPlace(i));
      if (isWhole) return place;
      writer.line(`let ${name}${i} = min(${placeText(place)}, ${size - 1}u);`);
      return variablePlace(`${name}${i}`, size - 1);
    });
  }

  function emitEpilogue(): string {
    return writer.functionBlock('fn finish(z: u32, m: u32, n: u32, sum: f32)', () => {
      const known = (value: number, at: readonly Place[]): string | undefined =>
        value === plan.anchor && sameCoordinates(coordinatesOf(plan, value), at)
          ? 'sum'
          : undefined;
      writer.knowing(known, () => {
        for (const value of stored) {
          const coordinates = coordinatesOf(plan, value);
          const place = flatPlace(coordinates, values.type(value).shape);
          writer.storeElement(value, place, writer.element(value, coordinates));
        }
      });
    });
  }
}

/** Rows and columns of a tile: as large as leaves work for all threads. */
function tileOf({ rows, columns }: DotSides): readonly [number, number] {
  const fit = (side: number, most: number): number =>
    Math.min(most, 2 ** Math.floor(Math.log2(side)));
  return [fit(rows, 8), fit(columns, 4)];
}
