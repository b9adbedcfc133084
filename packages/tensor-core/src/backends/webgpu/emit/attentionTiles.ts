import type { AttentionSides } from '../schedule/attentionStep.ts';
import { type AttentionWalk, lengthOf, type WalkSum } from '../schedule/attentionWalk.ts';
import type { SubgroupSizes, Tiling } from './kernelText.ts';

/** How the owners of a kernel of attention are spread over threads, and how many of the others are met at a time. */
export interface AttentionTile {
  readonly threads: number;
  /** Threads that share an owner: each has a part of its vectors. */
  readonly lanes: number;
  /** How many are met at a time. */
  readonly wide: number;
  /**
   * Who reads what is met: the group, which brings it to its own memory for all its threads; the threads of a subgroup,
   * one vector each for all of them; or each thread by itself.
   */
  readonly readers: 'group' | 'subgroup' | 'thread';
}

/** Numbers that a thread may hold, so that several groups fit a core of a GPU: of 255 registers, some are for the rest. */
const mostHeld = 96;
const mostLanes = 8;
const subgroupReaders = 8;

/** `docs/decisions/0022-webgpu-backend.md` has the arithmetic. */
export function attentionTile(
  walk: AttentionWalk,
  sums: readonly WalkSum[],
  sides: AttentionSides,
  tiling: Tiling,
  subgroups: SubgroupSizes | undefined,
): AttentionTile {
  const { queries, keys } = sides;
  const [owners, others] = walk.owner === 'query' ? [queries, keys] : [keys, queries];
  if (tiling === 'register') {
    const threads = power(owners, 16);
    const isShared =
      subgroups !== undefined &&
      subgroups.min >= subgroupReaders &&
      threads % subgroups.max === 0 &&
      others >= subgroupReaders;
    return isShared
      ? { threads, lanes: 1, wide: subgroupReaders, readers: 'subgroup' }
      : { threads, lanes: 1, wide: power(others, 4), readers: 'thread' };
  }
  const lengths = heldLengths(walk, sums, sides);
  const held = lengths.reduce((sum, length) => sum + length, 0);
  let lanes = 1;
  while (
    lanes < mostLanes &&
    held / lanes > mostHeld &&
    lengths.every((length) => (length / vectorWidth(length)) % (2 * lanes) === 0)
  )
    lanes *= 2;
  return { threads: power(owners * lanes, 64), lanes, wide: power(others, 4), readers: 'group' };
}

/** Lengths of the vectors that are held, and of those that are summed. */
function heldLengths(
  { products }: AttentionWalk,
  sums: readonly WalkSum[],
  sides: AttentionSides,
): number[] {
  const names = [...products.map(({ held }) => held), ...sums.map(({ met }) => met)];
  return names.map((name) => lengthOf(name, sides));
}

/** How many numbers of a vector of this length are taken together. */
export function vectorWidth(length: number): 1 | 2 | 4 {
  return length % 4 === 0 ? 4 : length % 2 === 0 ? 2 : 1;
}

/** The smallest power of two that is no smaller than the side, at most `most`. */
function power(side: number, most: number): number {
  return Math.min(most, 2 ** Math.ceil(Math.log2(Math.max(1, side))));
}
