import { addPlaces, constantPlace, scalePlace, variablePlace } from '../codegen/place.ts';
import { readSideBySide } from '../codegen/readSideBySide.ts';
import type { DotElement, DotKernel } from './dotKernel.ts';
import { type EmitArguments, groupIndex, type KernelForm } from './kernelText.ts';
import type { SharedTile } from './tiles.ts';

/**
 * Steps along the depth: the group brings a part of each operand to its own memory, `left` and `right`, with the depth
 * as the slow axis, and each thread multiplies its rows with its columns of them.
 */
export function emitSharedDot(
  { writer }: EmitArguments,
  kernel: DotKernel,
  tile: SharedTile,
): KernelForm {
  const { sides, named } = kernel;
  const { tall, wide } = tile;
  const across = tile.columns / wide;
  const threads = (tile.rows / tall) * across;
  const groupsDown = Math.ceil(sides.rows / tile.rows);
  const groupsAcross = Math.ceil(sides.columns / tile.columns);
  const isWholeDown = groupsDown * tile.rows === sides.rows;
  const isWholeAcross = groupsAcross * tile.columns === sides.columns;
  const groups = sides.batches * groupsDown * groupsAcross;
  const vector = wide === 1 ? 'f32' : `vec${wide}<f32>`;
  writer.line(`let id = ${groupIndex};`);
  writer.line(`if (id >= ${groups}u) { return; }`);
  const z = named('z', `id / ${groupsDown * groupsAcross}u`, sides.batches);
  writer.line(`let firstRow = id / ${groupsAcross}u % ${groupsDown}u * ${tile.rows}u;`);
  writer.line(`let firstColumn = id % ${groupsAcross}u * ${tile.columns}u;`);
  writer.line(`let row = local / ${across}u * ${tall}u;`);
  writer.line(`let column = local % ${across}u;`);
  for (let i = 0; i < tall; i++) writer.line(`var c${i} = ${vector}(0.0);`);
  const steps = Math.ceil(sides.depth / tile.depth) * tile.depth;
  writer.block(`for (var first = 0u; first < ${steps}u; first += ${tile.depth}u)`, () => {
    bring(
      { first: 'firstRow', each: tile.rows, size: sides.rows, isDeep: kernel.isDeepA },
      kernel.a,
      (step, place) => `left[${step} * ${tile.rows}u + ${place}]`,
    );
    bring(
      { first: 'firstColumn', each: tile.columns, size: sides.columns, isDeep: kernel.isDeepB },
      kernel.b,
      (step, place) => `right[${step} * ${tile.columns}u + ${place}]`,
    );
    writer.line('workgroupBarrier();');
    writer.block(`for (var step = 0u; step < ${tile.depth}u; step++)`, () => {
      // Not kept as vectors: threads that write to parts of one would be in each other's way.
      const factors = Array.from(
        { length: wide },
        (_, j) => `right[step * ${tile.columns}u + column * ${wide}u + ${j}u]`,
      );
      writer.line(`let y = ${vector}(${factors.join(', ')});`);
      for (let i = 0; i < tall; i++)
        writer.line(`c${i} += left[step * ${tile.rows}u + row + ${i}u] * y;`);
    });
    writer.line('workgroupBarrier();');
  });
  for (let i = 0; i < tall; i++)
    for (let j = 0; j < wide; j++) {
      const m = `firstRow + row + ${i}u`;
      const n = `firstColumn + column * ${wide}u + ${j}u`;
      const sum = wide === 1 ? `c${i}` : `c${i}[${j}]`;
      kernel.store({ z, m, n, sum, isWholeDown, isWholeAcross });
    }
  const header = [
    `var<workgroup> left: array<f32, ${tile.depth * tile.rows}>;`,
    `var<workgroup> right: array<f32, ${tile.depth * tile.columns}>;`,
    // Only now is it known which values are read in vectors.
    kernel.finish(),
  ].join('\n');
  return { workgroup: threads, groups, header };

  /**
   * Threads side by side bring what is side by side in memory, four elements each where they can be read as one vector.
   * Behind the end there are zeros.
   */
  function bring(
    { first, each, size, isDeep }: Side,
    element: DotElement,
    target: (step: string, place: string) => string,
  ): void {
    const isVector = readsVectors({ first, each, size, isDeep }, element);
    const width = isVector ? 4 : 1;
    // Along memory, in vectors, and across it.
    const along = isDeep
      ? { name: 'k', start: 'first', each: tile.depth, size: sides.depth }
      : { name: 'p', start: first, each, size };
    const across = isDeep
      ? { name: 'p', start: first, each, size }
      : { name: 'k', start: 'first', each: tile.depth, size: sides.depth };
    const count = along.each / width;
    writer.block(`for (var s = local; s < ${count * across.each}u; s += ${threads}u)`, () => {
      const [fast, slow] = [`(s % ${count}u)`, `(s / ${count}u)`];
      const start = width === 1 ? along.start : `${along.start} / ${width}u`;
      const vectorAt = named(along.name, `${start} + ${fast}`, along.size / width);
      const other = named(across.name, `${across.start} + ${slow}`, across.size);
      const guards = [
        ...guard(along.name, `${start} + ${fast}`, along.size / width, along.each / width),
        ...guard(across.name, `${across.start} + ${slow}`, across.size, across.each),
      ];
      const elements = Array.from({ length: width }, (_, i) => {
        const at = addPlaces(scalePlace(vectorAt, width), constantPlace(i));
        const text = width === 1 ? fast : `(${fast} * ${width}u + ${i}u)`;
        return isDeep
          ? { place: other, depth: at, target: target(text, slow) }
          : { place: at, depth: other, target: target(slow, text) };
      });
      if (guards.length === 0) {
        for (const { place, depth, target: to } of elements)
          writer.line(`${to} = ${element(z, place, depth)};`);
        return;
      }
      elements.forEach((_, i) => {
        writer.line(`var x${i} = 0.0;`);
      });
      writer.block(`if (${guards.join(' && ')})`, () => {
        elements.forEach(({ place, depth }, i) => {
          writer.line(`x${i} = ${element(z, place, depth)};`);
        });
      });
      elements.forEach(({ target: to }, i) => {
        writer.line(`${to} = x${i};`);
      });
    });
  }

  function readsVectors({ each, size, isDeep }: Side, element: DotElement): boolean {
    const [long, whole] = isDeep ? [tile.depth, sides.depth] : [each, size];
    if (long % 4 !== 0 || whole % 4 !== 0) return false;
    const along = scalePlace(variablePlace(isDeep ? 'k' : 'p', whole / 4 - 1), 4);
    const across = isDeep ? variablePlace('p', size - 1) : variablePlace('k', sides.depth - 1);
    return readSideBySide(writer, (through) => {
      for (let i = 0; i < 4; i++) {
        const at = addPlaces(along, constantPlace(i));
        if (isDeep) element(z, across, at, through);
        else element(z, at, across, through);
      }
    });
  }
}

/** One side of a product, and the part of it that a group brings. */
interface Side {
  /** The name of the part's beginning. */
  readonly first: string;
  readonly each: number;
  readonly size: number;
  /** Whether elements side by side in memory go along the depth. */
  readonly isDeep: boolean;
}

/** The condition for a place that may be behind the end; a side of 1 has no name for it. */
function guard(name: string, text: string, size: number, each: number): string[] {
  if (size % each === 0) return [];
  return [size === 1 ? `${text} < 1u` : `${name} < ${size}u`];
}
