import type { DotSides } from '../schedule/kernelPlan.ts';
import type { SubgroupSizes, Tiling } from './kernelText.ts';

/** Each thread computes a tile of the result in its registers, and reads what it needs of the operands itself. */
export interface RegisterTile {
  readonly family: 'register';
  readonly tall: number;
  readonly wide: number;
  /** So many threads read one row each for all of their subgroup; with 1 each reads all rows. */
  readonly readers: number;
}

/** A group computes a tile of the result: it brings parts of the operands to its own memory, for all its threads. */
export interface SharedTile {
  readonly family: 'workgroup';
  /** Of the group's tile, and how much of the depth is brought at a time. */
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** Of each thread's part of the tile. */
  readonly tall: number;
  readonly wide: 1 | 2 | 4;
}

/** The threads of a group share the depth of a few elements of the result, and add up what each has found. */
export interface DeepTile {
  readonly family: 'depth';
  /** Threads side by side on columns; the others go along the depth. */
  readonly lanes: number;
  readonly tall: number;
  readonly wide: number;
}

export type DotTile = RegisterTile | SharedTile | DeepTile;

export const deepThreads = 64;
export const registerThreads = 64;
/** Fewer threads than this leave cores of a device without work. */
const fewThreads: Readonly<Record<Tiling, number>> = { register: 64, workgroup: 4096 };
/** To add up what threads have found costs as much as some steps along the depth. */
const longDepth = 256;

/**
 * The tile for a contraction. Where the tiles of single threads are too few to keep a device busy and the depth is
 * long, as for a matrix times a vector, threads share the depth. `docs/decisions/0022-webgpu-backend.md` has the
 * arithmetic.
 *
 * @param isDeepB whether elements of the second operand that are side by side in memory go along the depth.
 */
export function dotTile(
  sides: DotSides,
  tiling: Tiling,
  isDeepB: boolean,
  subgroups: SubgroupSizes | undefined,
): DotTile {
  const { batches, rows, columns, depth } = sides;
  const register = registerTile(sides, subgroups);
  const tiles = batches * Math.ceil(rows / register.tall) * Math.ceil(columns / register.wide);
  const isVector = Math.min(rows, columns) <= 4 && tiling === 'workgroup';
  if (depth >= longDepth && (tiles < fewThreads[tiling] / 16 || isVector)) {
    const lanes = isDeepB ? 1 : highPower(columns, 16);
    return {
      family: 'depth',
      lanes,
      tall: lowPower(rows, 4),
      wide: lanes === 1 ? lowPower(columns, 4) : 1,
    };
  }
  return tiling === 'register' ? register : sharedTile(sides);
}

/** Threads that read rows for each other must all be there: the group must have whole subgroups. */
function registerTile(sides: DotSides, subgroups: SubgroupSizes | undefined): RegisterTile {
  const { rows, columns } = sides;
  const most = mostResults(sides);
  const wide = lowPower(columns, most.wide);
  const readers = lowPower(rows, Math.min(8, most.tall));
  const group = groupAcross(Math.ceil(columns / wide));
  const isShared =
    subgroups !== undefined && subgroups.min >= readers && group % subgroups.max === 0;
  if (!isShared || readers === 1)
    return { family: 'register', tall: lowPower(rows, Math.min(8, most.tall)), wide, readers: 1 };
  return { family: 'register', tall: lowPower(rows, most.tall), wide, readers };
}

/** A small product is done before a kernel with much text is compiled. */
function mostResults({ batches, rows, columns, depth }: DotSides): { tall: number; wide: number } {
  const steps = batches * rows * columns * depth;
  if (steps < 2 ** 16) return { tall: 2, wide: 2 };
  return steps < 2 ** 22 ? { tall: 4, wide: 4 } : { tall: 16, wide: 4 };
}

/** Threads of a group that go along so many tiles side by side. */
export function groupAcross(tiles: number): number {
  return Math.min(registerThreads, 2 ** Math.ceil(Math.log2(tiles)));
}

function sharedTile({ rows, columns }: DotSides): SharedTile {
  const [high, broad] = [highPower(rows, 64), highPower(columns, 64)];
  // Up to 256 threads, and up to 16 elements for each.
  const tall = Math.max(1, Math.min(4, high / 4));
  const least = Math.ceil(((high / tall) * broad) / 256);
  const wide = least > 2 || (broad >= 16 && high >= 64) ? 4 : least === 2 ? 2 : 1;
  return {
    family: 'workgroup',
    rows: high,
    columns: broad,
    depth: 16,
    tall,
    wide: Math.min(wide, broad) as SharedTile['wide'],
  };
}

/** The largest power of two that is no larger than the side, and the smallest that is no smaller; at most `most`. */
function lowPower(side: number, most: number): number {
  return Math.min(most, 2 ** Math.floor(Math.log2(Math.max(1, side))));
}

function highPower(side: number, most: number): number {
  return Math.min(most, 2 ** Math.ceil(Math.log2(Math.max(1, side))));
}
