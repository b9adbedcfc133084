import type { KernelWriter } from '../codegen/kernelWriter.ts';
import {
  addPlaces,
  constantPlace,
  type Place,
  placeText,
  scalePlace,
  variablePlace,
} from '../codegen/place.ts';
import { readSideBySide } from '../codegen/readSideBySide.ts';
import type { DotKernel } from './dotKernel.ts';
import { type EmitArguments, groupIndex, type KernelForm } from './kernelText.ts';
import { groupAcross, type RegisterTile, registerThreads } from './tiles.ts';

/**
 * Each step along the depth multiplies the rows of a thread's tile with its columns. Where all threads of a group
 * have the same rows, each may read another one and give it to the others: on llvmpipe, whose reads are the dearest
 * by far, that makes sixteen of them two.
 */
export function emitRegisterDot(
  { writer }: EmitArguments,
  kernel: DotKernel,
  { tall, wide, readers }: RegisterTile,
): KernelForm {
  const { sides, named } = kernel;
  const [down, across] = [Math.ceil(sides.rows / tall), Math.ceil(sides.columns / wide)];
  // Threads of a group go along the columns first: they share rows, and read columns side by side.
  const lanes = groupAcross(across);
  const threads = readers === 1 ? registerThreads : lanes;
  const [groupsDown, groupsAcross] = [
    Math.ceil((down * lanes) / threads),
    Math.ceil(across / lanes),
  ];
  const isWholeDown = groupsDown * (threads / lanes) * tall === sides.rows;
  const isWholeAcross = groupsAcross * lanes * wide === sides.columns;
  const groups = sides.batches * groupsDown * groupsAcross;

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
  if (readers > 1) writer.line(`let reader = lane % ${readers}u;`);
  const reader = variablePlace('reader', readers - 1);
  const rows = Array.from({ length: tall / readers }, (_, i) =>
    place('m', i, [scalePlace(tileRow, tall), constantPlace(i * readers), reader], sides.rows),
  );
  const columns = Array.from({ length: wide }, (_, j) =>
    place('n', j, [scalePlace(tileColumn, wide), constantPlace(j)], sides.columns),
  );
  for (let i = 0; i < tall; i++)
    for (let j = 0; j < wide; j++) writer.line(`var c${i}_${j} = 0.0;`);
  // Columns that begin a multiple of 2 KiB apart share few places of a cache: what lies there is used at once.
  const steps = kernel.isDeepB && sides.depth % 512 === 0 ? 4 : 1;
  const depths = Array.from({ length: steps }, (_, i) =>
    addPlaces(scalePlace(variablePlace('k', sides.depth / steps - 1), steps), constantPlace(i)),
  );
  const left = (through: KernelWriter): string[][] =>
    depths.map((k) => rows.map((m) => kernel.a(z, m, k, through)));
  const right = (through: KernelWriter): string[][] =>
    depths.map((k) => columns.map((n) => kernel.b(z, n, k, through)));
  readSideBySide(writer, (through) => {
    left(through);
    right(through);
  });
  writer.block(`for (var k = 0u; k < ${sides.depth / steps}u; k++)`, () => {
    const [reads, factors] = [left(writer), right(writer)];
    depths.forEach((_, step) => {
      for (let i = 0; i < tall; i++) {
        const own = reads[step]?.[Math.floor(i / readers)] ?? '';
        const x =
          readers === 1 ? own : writer.name(`subgroupBroadcast(${own}, ${i % readers}u)`, 'x');
        factors[step]?.forEach((y, j) => {
          writer.line(`c${i}_${j} += ${x} * ${y};`);
        });
      }
    });
  });
  for (let i = 0; i < tall; i++)
    for (let j = 0; j < wide; j++) {
      const m = `${placeText(scalePlace(tileRow, tall))} + ${i}u`;
      const n = `${placeText(scalePlace(tileColumn, wide))} + ${j}u`;
      kernel.store({ z, m, n, sum: `c${i}_${j}`, isWholeDown, isWholeAcross });
    }
  // Only now is it known which values are read in vectors.
  return { workgroup: threads, groups, header: kernel.finish() };

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

  /** A row, or column, of a tile; one that may be behind the last is taken to be the last. */
  function place(name: string, part: number, terms: readonly Place[], size: number): Place {
    const sum = addPlaces(...terms);
    if (sum.max < size) return sum;
    writer.line(`let ${name}${part} = min(${placeText(sum)}, ${size - 1}u);`);
    return variablePlace(`${name}${part}`, size - 1);
  }
}
