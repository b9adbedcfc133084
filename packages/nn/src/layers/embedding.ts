import type { Tensor } from '@lorikeet/tensor-core';
import type { Context } from '../context.ts';
import { type Initializer, normalInitializer } from '../initialize.ts';
import type { Site } from '../site.ts';
import { gather, type Weight } from '../weight.ts';

export interface EmbeddingOptions {
  /** Rows of the table. */
  readonly numEmbeddings: number;
  readonly dimension: number;
  readonly initializer?: Initializer;
}

/** A table of vectors, looked up by index. */
export class Embedding {
  /** [rows, D] */
  readonly weight: Weight;

  constructor(weight: Weight) {
    this.weight = weight;
  }

  static init(
    { numEmbeddings, dimension, initializer = normalInitializer(0.02) }: EmbeddingOptions,
    key: Tensor,
  ): Embedding {
    return new Embedding(initializer(key, [numEmbeddings, dimension]));
  }

  get site(): Site {
    return { field: 'weight', kind: 'embedding', inputAxis: 1 };
  }

  /** @param ids integers [...]; the result is [..., D] */
  call(ids: Tensor, context: Context): Tensor {
    return gather(ids, this.weight, context.child('weight'));
  }
}
