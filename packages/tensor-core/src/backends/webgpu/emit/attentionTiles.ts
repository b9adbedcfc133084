import type { AttentionSides, AttentionStep } from '../schedule/attentionStep.ts';
import { type AttentionWalk, walks } from '../schedule/attentionWalk.ts';
import type { Tiling } from './kernelText.ts';

/** How the owners of a kernel of attention are spread over threads, and how many of the others are met at a time. */
export interface AttentionTile {
  readonly threads: number;
  /** Threads that share an owner: each has a part of its vectors. */
  readonly lanes: number;
  /** Owners of each thread. */
  readonly tall: number;
  /** How many are met at a time. */
  readonly wide: number;
  /** Whether a group brings what it meets to its own memory, for all its threads. */
  readonly isShared: boolean;
}

/** Numbers that a thread may hold, so that several groups fit a core of a GPU: of 255 registers, some are for the rest. */
const mostHeld = 96;
const mostLanes = 8;

/** `docs/decisions/0022-webgpu-backend.md` has the arithmetic. */
export function attentionTile(
  step: AttentionStep,
  sides: AttentionSides,
  tiling: Tiling,
): AttentionTile {
  const walk = walks[step.goal];
  const { queries, keys } = sides;
  const [owners, others] = walk.owner === 'query' ? [queries, keys] : [keys, queries];
  if (tiling === 'register')
    return { threads: power(owners, 16), lanes: 1, tall: 1, wide: 1, isShared: false };
  let lanes = 1;
  while (
    lanes < mostLanes &&
    heldNumbers(walk, sides) / lanes > mostHeld &&
    sidesOf(walk, sides).every((side) => (side / vectorWidth(side)) % (2 * lanes) === 0)
  )
    lanes *= 2;
  return {
    threads: power(owners * lanes, 64),
    lanes,
    tall: 1,
    wide: power(others, 4),
    isShared: true,
  };
}

function heldNumbers(walk: AttentionWalk, sides: AttentionSides): number {
  return sidesOf(walk, sides).reduce((sum, side) => sum + side, 0);
}

/** Lengths of the vectors that are held, and of those that are summed. */
function sidesOf(
  { score, slope, summed }: AttentionWalk,
  { size, width }: AttentionSides,
): number[] {
  const lengthOf = (operand: string): number =>
    operand === 'value' || operand === 'gradient' ? width : size;
  return [
    lengthOf(score.held),
    ...(slope === undefined ? [] : [lengthOf(slope.held)]),
    ...(summed === undefined ? [] : [lengthOf(summed)]),
  ];
}

/** How many numbers of a vector of this length are taken together. */
export function vectorWidth(length: number): 1 | 2 | 4 {
  return length % 4 === 0 ? 4 : length % 2 === 0 ? 2 : 1;
}

/** The smallest power of two that is no smaller than the side, at most `most`. */
function power(side: number, most: number): number {
  return Math.min(most, 2 ** Math.ceil(Math.log2(Math.max(1, side))));
}
