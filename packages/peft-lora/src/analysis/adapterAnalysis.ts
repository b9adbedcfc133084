import type { KeptEnergy } from '../algebra/energy.ts';

/** How far an adapter leads a tensor away from the base. */
export interface Drift {
  /** The norm of the change over that of the base, both of Frobenius. */
  readonly frobenius: number;
  /** The same with the largest singular values; `null` for what is no matrix. */
  readonly spectral: number | null;
  /** The cosine between the base and what it becomes, as vectors. */
  readonly cosine: number;
}

/** What an adapter changes of one weight, as the matrix [out, in]. */
export interface AnalysedRow {
  /** Of the module. */
  readonly path: string;
  /** Name of the variant. */
  readonly method: string;
  /** Of the weight, as its module stores it. */
  readonly shape: readonly number[];
  /** Largest first. */
  readonly singularValues: readonly number[];
  /** How many directions count: Roy and Vetterli 2007, the exponential of the entropy of the singular values' shares. */
  readonly effectiveRank: number;
  /** Of Frobenius: the root of the sum of squares. */
  readonly frobeniusNorm: number;
  /** The largest singular value. */
  readonly spectralNorm: number;
  /** The lowest rank that keeps the part of the energy that was asked for, 0 for no change, and what it keeps. */
  readonly suggested: KeptEnergy;
  /** `null` if the base was not to be looked at. */
  readonly drift: Drift | null;
  /** Number of intruder dimensions; `null` if they were not asked for. */
  readonly intruders: number | null;
}

/** A tensor that is no matrix, or trained as a whole: a head, a norm, a bias. */
export interface AnalysedWhole {
  /** Of the tensor. */
  readonly path: string;
  readonly method: string;
  readonly shape: readonly number[];
  /** Of the change; `null` if the base was not to be looked at. */
  readonly frobeniusNorm: number | null;
  readonly drift: Drift | null;
}

/** What one adapter does to its base, in numbers. */
export interface AdapterAnalysis {
  /** The adapter's name. */
  readonly name: string;
  /** The part of the energy that suggested ranks keep. */
  readonly energy: number;
  readonly rows: readonly AnalysedRow[];
  readonly wholes: readonly AnalysedWhole[];
  /** A table for people. */
  toString(): string;
}
