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
import { emitShuffledTree, shuffledWidth } from './shuffledTree.ts';
import { type DeepTile, deepThreads } from './tiles.ts';

/** Each thread takes every so-manieth step of the depth; what they have found is added up in a tree. */
export function emitDeepDot(
  { writer, subgroups }: EmitArguments,
  kernel: DotKernel,
  { lanes, tall, wide }: DeepTile,
): KernelForm {
  const { sides, named } = kernel;
  const deep = deepThreads / lanes;
  const groupsDown = Math.ceil(sides.rows / tall);
  const groupsAcross = Math.ceil(sides.columns / (lanes * wide));
  const isWholeDown = groupsDown * tall === sides.rows;
  const isWholeAcross = groupsAcross * lanes * wide === sides.columns;
  const groups = sides.batches * groupsDown * groupsAcross;
  const sums = Array.from({ length: tall * wide }, (_, i) => `t${i}`);
  const header = [
    ...sums.map((name) => `var<workgroup> ${name}: array<f32, ${deepThreads}>;`),
    kernel.finish(),
  ].join('\n');

  writer.line(`let id = ${groupIndex};`);
  writer.line(`if (id >= ${groups}u) { return; }`);
  const z = named('z', `id / ${groupsDown * groupsAcross}u`, sides.batches);
  const i = named('i', `id / ${groupsAcross}u % ${groupsDown}u`, groupsDown);
  const text =
    lanes === 1 ? `id % ${groupsAcross}u` : `id % ${groupsAcross}u * ${lanes}u + local % ${lanes}u`;
  const j = named('j', text, groupsAcross * lanes);
  const rows = places('m', i, tall, sides.rows);
  const columns = places('n', j, wide, sides.columns);
  sums.forEach((_, s) => {
    writer.line(`var c${s} = 0.0;`);
  });
  const head = `for (var k = local / ${lanes}u; k < ${sides.depth}u; k += ${deep}u)`;
  writer.block(head, () => {
    const k = variablePlace('k', sides.depth - 1);
    const left = rows.map((m) => kernel.a(z, m, k));
    const right = columns.map((n) => kernel.b(z, n, k));
    left.forEach((x, row) => {
      right.forEach((y, column) => {
        writer.line(`c${row * wide + column} += ${x} * ${y};`);
      });
    });
  });
  sums.forEach((name, s) => {
    writer.line(`${name}[local] = c${s};`);
  });
  writer.line('workgroupBarrier();');
  // With one column to a group, all of its threads may end with the sums.
  const width = lanes === 1 ? shuffledWidth(deepThreads, subgroups) : 1;
  const least = Math.max(lanes, width);
  writer.block(`for (var half = ${deepThreads / 2}u; half >= ${least}u; half /= 2u)`, () => {
    writer.block('if (local < half)', () => {
      for (const name of sums) writer.line(`${name}[local] += ${name}[local + half];`);
    });
    writer.line('workgroupBarrier();');
  });
  const totals =
    width === 1
      ? sums.map((name) => `${name}[local]`)
      : sums.flatMap((name) =>
          emitShuffledTree(writer, [name], width, ([a], [b]) => `${a} = ${a} + ${b};`),
        );
  writer.block(`if (local < ${lanes}u)`, () => {
    totals.forEach((total, s) => {
      const [row, column] = [Math.floor(s / wide), s % wide];
      const m = `${placeText(scalePlace(i, tall))} + ${row}u`;
      const n = `${placeText(scalePlace(j, wide))} + ${column}u`;
      kernel.store({ z, m, n, sum: total, isWholeDown, isWholeAcross });
    });
  });
  return { workgroup: deepThreads, groups, header };

  /** Rows, or columns, of a tile; those behind the last are taken to be the last. */
  function places(name: string, tile: Place, each: number, size: number): Place[] {
    return Array.from({ length: each }, (_, part) => {
      const place = addPlaces(scalePlace(tile, each), constantPlace(part));
      if (place.max < size) return place;
      writer.line(`let ${name}${part} = min(${placeText(place)}, ${size - 1}u);`);
      return variablePlace(`${name}${part}`, size - 1);
    });
  }
}
