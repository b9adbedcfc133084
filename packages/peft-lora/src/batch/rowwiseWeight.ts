import {
  type Context,
  contract,
  convolve,
  gather,
  type Reparam,
  type Site,
  type Weight,
  type WeightUse,
} from '@lorikeet/nn';
import { add, type ConvOptions, LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import type { AdapterLayer } from '../layers.ts';
import { partsOf } from './rowwiseParts.ts';
import { batchConvolution, batchGather, batchProduct } from './rowwiseProducts.ts';
import { requireRows, selectRows } from './selectRows.ts';

/** The adapters of one weight, each with its number among those of the model; each lies on the base itself. */
export type NumberedLayers = readonly (readonly [number: number, layer: AdapterLayer])[];

/**
 * A weight that is another one for each row of a batch: the base, or the base with one of the adapters. It has no
 * meaning without rows, and so no tensor that stands for it.
 */
export class RowwiseWeight implements Reparam {
  readonly base: Weight;
  readonly layers: readonly AdapterLayer[];
  /** i32[B]: 0 is the base, else the number of an adapter. */
  readonly rows: Tensor;
  readonly numbers: readonly number[];
  readonly site: Site;

  constructor(base: Weight, layers: NumberedLayers, rows: Tensor, site: Site) {
    this.base = base;
    this.layers = layers.map(([, layer]) => layer);
    this.numbers = layers.map(([number]) => number);
    this.rows = rows;
    this.site = site;
  }

  materialize(): Tensor {
    throw new LorikeetError(
      'unsupported',
      'a weight with an adapter for each row is no one tensor',
      {
        hint: 'this module uses its weight as a whole: take its adapter away, or call row by row',
      },
    );
  }

  contract(x: Tensor, use: WeightUse, context: Context): Tensor {
    return this.#rowwise(
      x,
      (weight) => contract(x, weight, use, context),
      (pairs) => batchProduct(x, this.rows, pairs),
      context,
    );
  }

  gather(ids: Tensor, context: Context): Tensor {
    return this.#rowwise(
      ids,
      (weight) => gather(ids, weight, context),
      (pairs) => batchGather(ids, this.rows, pairs),
      context,
    );
  }

  convolve(x: Tensor, options: ConvOptions, context: Context): Tensor {
    return this.#rowwise(
      x,
      (weight) => convolve(x, weight, options, context),
      (pairs) => batchConvolution(x, this.rows, pairs, options),
      context,
    );
  }

  /** Thin products for the adapters that are low-rank; for others the whole product of each, of which rows are taken. */
  #rowwise(
    x: Tensor,
    product: (weight: Weight) => Tensor,
    update: (pairs: ReturnType<typeof partsOf>['thin']) => Tensor,
    context: Context,
  ): Tensor {
    requireRows(x, this.rows);
    const { thin, whole } = partsOf(this.layers, this.numbers, context.isTraining);
    const base = product(this.base);
    const started = thin.length === 0 ? base : add(base, update(thin));
    return whole.reduce(
      (y, { number, layer }) => selectRows(this.rows, number, product(layer), y),
      started,
    );
  }
}
