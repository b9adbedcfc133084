import type { Reparam, Weight } from '@lorikeet/nn';
import type { Tensor } from '@lorikeet/tensor-core';

/** Why a whole tensor trains: its module was asked for, or it is a bias that trains with the adapters. */
export type TrainedReason = 'module' | 'bias';

/** A weight that trains as a whole beside its first value: PEFT's `modules_to_save`, and trained biases. */
export class TrainedWeight implements Reparam {
  readonly base: Weight;
  /** What trains; starts as the base. */
  readonly value: Tensor;
  /** Name of the adapter it belongs to. */
  readonly name: string;
  readonly reason: TrainedReason;
  /** Path of the module or, of a bias, of the tensor. */
  readonly path: string;

  constructor(base: Weight, value: Tensor, name: string, reason: TrainedReason, path: string) {
    this.base = base;
    this.value = value;
    this.name = name;
    this.reason = reason;
    this.path = path;
  }

  materialize(): Tensor {
    return this.value;
  }

  with(changes: { readonly base?: Weight }): TrainedWeight {
    return new TrainedWeight(
      changes.base ?? this.base,
      this.value,
      this.name,
      this.reason,
      this.path,
    );
  }
}
