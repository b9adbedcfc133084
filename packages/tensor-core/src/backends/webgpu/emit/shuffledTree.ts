import type { KernelWriter } from '../codegen/kernelWriter.ts';
import type { SubgroupSizes } from './kernelText.ts';

/** Wider trees save little: each level more saves one barrier. */
const widest = 32;

/**
 * How many running results of a group are left when a tree in the group's memory goes on in registers; 1 where it
 * does not. The device may have subgroups of any size: of each the first few threads are needed, all of them there.
 */
export function shuffledWidth(threads: number, subgroups: SubgroupSizes | undefined): number {
  if (subgroups === undefined || subgroups.min < 4 || threads % subgroups.max !== 0) return 1;
  return 2 ** Math.floor(Math.log2(Math.min(subgroups.min, widest)));
}

/**
 * The end of a tree over the first `width` elements of each of `shared`: every subgroup does it, so all threads have
 * the result and none waits. Which thread is which in its subgroup is not ours to say: it begins from memory. Each
 * level adds what the level in memory would, so the bits are the same with subgroups of any size, and without.
 *
 * @returns names of the results.
 */
export function emitShuffledTree(
  writer: KernelWriter,
  shared: readonly string[],
  width: number,
  merge: (parts: readonly string[], others: readonly string[]) => string,
): string[] {
  const parts = shared.map((name) => {
    const part = writer.freshName('u');
    writer.line(`var ${part} = ${name}[lane & ${width - 1}u];`);
    return part;
  });
  for (let half = width / 2; half >= 1; half /= 2) {
    const others = parts.map((part) => writer.name(`subgroupShuffleXor(${part}, ${half}u)`, 'x'));
    writer.line(merge(parts, others));
  }
  return parts;
}
