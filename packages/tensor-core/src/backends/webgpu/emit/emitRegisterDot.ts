import {
  addPlaces,
  constantPlace,
  type Place,
  placeText,
  scalePlace,
  variablePlace,
} from '../codegen/place.ts';
import type { DotKernel } from './dotKernel.ts';
import { type EmitArguments, groupIndex, type KernelForm } from './kernelText.ts';
import type { RegisterTile } from './tiles.ts';

const threads = 64;

export function emitRegisterDot(
  { writer }: EmitArguments,
  kernel: DotKernel,
  { tall, wide }: RegisterTile,
): KernelForm {
  const { sides, named } = kernel;
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
  const header = kernel.finish();

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
    const left = rows.map((m) => kernel.a(z, m, k));
    const right = columns.map((n) => kernel.b(z, n, k));
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
  return { workgroup: threads, groups, header };

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
}
