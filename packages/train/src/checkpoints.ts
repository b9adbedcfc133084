import type { Tensor } from '@lorikeet/tensor-core';

/** A run of training as it stands after some step: all that it takes to go on to the same bits. */
export interface Checkpoint {
  readonly step: number;
  /** On the host: what trains, the state of the optimiser, averages, the best model, the steps so far. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** What else there is, as JSON: the position in the data, evaluations. */
  readonly state: unknown;
}

/** Where checkpoints are kept: `checkpointFolder` of `@lorikeet/train/node`. */
export interface CheckpointStore {
  /** The last one that is whole, if there is any. */
  latest(): Promise<Checkpoint | undefined>;
  /** Keeps it, whole or not at all. */
  save(checkpoint: Checkpoint): Promise<void>;
}
