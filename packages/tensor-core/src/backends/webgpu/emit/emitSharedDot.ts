import { type Place, placeText } from '../codegen/place.ts';
import type { DotKernel } from './dotKernel.ts';
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
  const groups = sides.batches * groupsDown * groupsAcross;
  const vector = wide === 1 ? 'f32' : `vec${wide}<f32>`;
  const header = [
    `var<workgroup> left: array<f32, ${tile.depth * tile.rows}>;`,
    `var<workgroup> right: array<${vector}, ${tile.depth * across}>;`,
    kernel.finish(),
  ].join('\n');

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
    bring('firstRow', tile.rows, sides.rows, kernel.isDeepA, kernel.a, (step, place) => {
      return `left[${step} * ${tile.rows}u + ${place}]`;
    });
    bring('firstColumn', tile.columns, sides.columns, kernel.isDeepB, kernel.b, (step, place) => {
      const at = `${step} * ${across}u + ${place}`;
      if (wide === 1) return `right[${at}]`;
      return `right[${step} * ${across}u + ${place} / ${wide}u][${place} % ${wide}u]`;
    });
    writer.line('workgroupBarrier();');
    writer.block(`for (var step = 0u; step < ${tile.depth}u; step++)`, () => {
      writer.line(`let y = right[step * ${across}u + column];`);
      for (let i = 0; i < tall; i++)
        writer.line(`c${i} += left[step * ${tile.rows}u + row + ${i}u] * y;`);
    });
    writer.line('workgroupBarrier();');
  });
  for (let i = 0; i < tall; i++)
    for (let j = 0; j < wide; j++) {
      const m = `firstRow + row + ${i}u`;
      const n = `firstColumn + column * ${wide}u + ${j}u`;
      const guards = [
        ...(groupsDown * tile.rows === sides.rows ? [] : [`${m} < ${sides.rows}u`]),
        ...(groupsAcross * tile.columns === sides.columns ? [] : [`${n} < ${sides.columns}u`]),
      ];
      const sum = wide === 1 ? `c${i}` : `c${i}[${j}]`;
      const call = `finish(${placeText(z)}, ${m}, ${n}, ${sum});`;
      writer.line(guards.length === 0 ? call : `if (${guards.join(' && ')}) { ${call} }`);
    }
  return { workgroup: threads, groups, header };

  /** Threads side by side bring what is side by side in memory. Behind the end there are zeros. */
  function bring(
    first: string,
    each: number,
    size: number,
    isDeep: boolean,
    element: (z: Place, place: Place, depth: Place) => string,
    target: (step: string, place: string) => string,
  ): void {
    const count = each * tile.depth;
    const guards: string[] = [];
    writer.block(`for (var s = local; s < ${count}u; s += ${threads}u)`, () => {
      const [step, place] = isDeep
        ? [`(s % ${tile.depth}u)`, `(s / ${tile.depth}u)`]
        : [`(s / ${each}u)`, `(s % ${each}u)`];
      const p = named('p', `${first} + ${place}`, size);
      const k = named('k', `first + ${step}`, sides.depth);
      if (Math.ceil(size / each) * each !== size)
        guards.push(size === 1 ? `${first} + ${place} < 1u` : `p < ${size}u`);
      if (steps !== sides.depth)
        guards.push(sides.depth === 1 ? `first + ${step} < 1u` : `k < ${sides.depth}u`);
      if (guards.length === 0) {
        writer.line(`${target(step, place)} = ${element(z, p, k)};`);
        return;
      }
      writer.line('var x = 0.0;');
      writer.block(`if (${guards.join(' && ')})`, () => {
        writer.line(`x = ${element(z, p, k)};`);
      });
      writer.line(`${target(step, place)} = x;`);
    });
  }
}
