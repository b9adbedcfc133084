import { LorikeetError } from '@lorikeet/tensor-core';
import { requireRank } from './adapterUpdate.ts';

/** How much of a matrix is to be kept. */
export interface EnergyChoice {
  /** Of each weight; a weight with fewer sides has less. */
  readonly rank?: number;
  /** In place of a rank: each weight gets the lowest that keeps this part of the sum of squares of its change, up to 1. */
  readonly energy?: number;
}

/** What of the change of one weight is kept. */
export interface KeptEnergy {
  readonly rank: number;
  /** The part of the sum of squares that is kept. */
  readonly energy: number;
}

/**
 * How many of some singular values, largest first, a choice keeps: one at least. Of nothing but zeros, all is kept by
 * one.
 */
export function keptOf(values: readonly number[], { rank, energy = 1 }: EnergyChoice): KeptEnergy {
  const squares = values.map((value) => value ** 2);
  const total = squares.reduce((sum, value) => sum + value, 0);
  // Added up in one order, so that all of them are the whole and no less.
  let [count, sum] = [0, 0];
  const isEnough = (): boolean =>
    rank === undefined ? total === 0 || sum / total >= energy : count >= rank;
  while (count < squares.length && (count === 0 || !isEnough())) sum += squares[count++] ?? 0;
  return { rank: count, energy: total === 0 ? 1 : sum / total };
}

/** Throws `invalid-argument` unless there is just one of rank and energy, and it can be. */
export function requireChoice({ rank, energy }: EnergyChoice, caller: string): void {
  if ((rank === undefined) === (energy === undefined))
    throw new LorikeetError('invalid-argument', `${caller}: a rank, or a part of the energy`, {
      expected: 'one of both',
      received: rank === undefined ? 'neither' : 'both',
    });
  if (rank !== undefined) requireRank(rank);
  if (energy !== undefined) requireEnergy(energy);
}

/** Throws `invalid-argument` for what is no part of a whole. */
export function requireEnergy(energy: number): void {
  if (energy > 0 && energy <= 1) return;
  throw new LorikeetError('invalid-argument', `${energy} is no part of the energy`, {
    expected: 'a number above 0, up to 1',
    received: String(energy),
  });
}
