import {
  type Context,
  contract,
  contractExperts,
  convolve,
  gather,
  type Reparam,
  type Weight,
  type WeightUse,
} from '@lorikeet/nn';
import {
  add,
  type ConvOptions,
  cast,
  evaluate,
  LorikeetError,
  square,
  sub,
  sum,
  type Tensor,
} from '@lorikeet/tensor-core';
import { type AdaptSpec, train } from '../adapt.ts';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { requireAdapter } from '../compose.ts';
import { formatTable } from '../formatTable.ts';
import { adapterLayers, mapAdapted } from '../layers.ts';
import type { LoraConfig } from '../lora/loraConfig.ts';
import { moduleOf } from '../peft/adapterTensors.ts';
import { TrainedWeight } from '../trainedWeight.ts';
import { loraVariant } from '../variants/lora.ts';
import { sharedLora } from '../variants/sharedLora.ts';

export interface LoraDropOptions<T, Batch> {
  /** A sample of the data. */
  readonly batches: Iterable<Batch> | AsyncIterable<Batch>;
  /** Calls the model with a batch; its layers are watched. */
  call(model: T, batch: Batch): unknown;
  /** Defaults to `default`. */
  readonly name?: string;
  /** The share of all importance that the layers which are kept have together. Defaults to 0.9. */
  readonly threshold?: number;
  /** What becomes of the others: one adapter for all of one shape, or none. Defaults to `share`. */
  readonly rest?: 'share' | 'drop';
}

/** How much one layer's adapter changes what the layer puts out. */
export interface LayerImportance {
  /** Path of the module. */
  readonly path: string;
  /** Its share of the squared norms of all changes. */
  readonly importance: number;
  readonly isKept: boolean;
}

export interface LoraDropChoice {
  /** For `adapt`, on the model without the adapter. */
  readonly spec: AdaptSpec;
  /** The most important first. */
  readonly rows: readonly LayerImportance[];
  /** A table for people. */
  toString(): string;
}

/**
 * Chooses layers by what their adapters put out: LoRA-drop, Zhou et al. 2024, https://arxiv.org/abs/2402.07721. A layer's
 * importance is the sum of `||dW x||²` over what it is called with, of an adapter that has trained on a little of the data;
 * the most important are kept until they have the threshold together, and the others share one adapter or lose theirs.
 *
 * @param tuned with an adapter of any method; to share, of `lora` on linear layers.
 * @throws LorikeetError `no-match` if there is no such adapter; `invalid-argument` for a threshold that is no share, for
 *   adapters that change nothing, as before training, and for a rest that cannot share; `unsupported` for a layer that no
 *   batch reaches.
 * @example
 * const { spec } = await loraDrop(trainedABit, { batches, call: (model, batch) => model.call(batch, context) });
 * const tuned = adapt(model, spec);
 */
export async function loraDrop<T, Batch>(
  tuned: T,
  { batches, call, name = 'default', threshold = 0.9, rest = 'share' }: LoraDropOptions<T, Batch>,
): Promise<LoraDropChoice> {
  requireAdapter(tuned, name);
  if (!(threshold > 0 && threshold <= 1))
    throw invalid('the threshold is no share', 'above 0, at most 1', String(threshold));
  const sizes = await changeSizes(tuned, name, batches, call);
  const layers = adapterLayers(tuned).filter(({ layer }) => layer.name === name);
  const places = layers.flatMap(({ path, layer }) =>
    layer instanceof AdaptedWeight ? [{ path: moduleOf(path), layer }] : [],
  );
  const measured = places.map(({ path, layer }) => {
    const size = sizes.get(layer.settings.path);
    if (size !== undefined) return { path, layer, size };
    throw new LorikeetError('unsupported', 'no batch gave the layer an input', {
      path,
      hint: 'adapt layers that every batch goes through, with this adapter outermost',
    });
  });
  const total = measured.reduce((all, { size }) => all + size, 0);
  if (total === 0)
    throw invalid('the adapters change nothing', 'some training', 'as they were made');
  const sorted = measured.toSorted((a, b) => b.size - a.size);
  const spec: Record<string, AdaptSpec[string]> = {};
  let before = 0;
  const rows = sorted.map(({ path, layer, size }): LayerImportance => {
    const isKept = before < threshold * total;
    before += size;
    if (isKept) spec[path] = layer.settings.method;
    else if (rest === 'share') spec[path] = sharedForm(layer, path);
    return { path, importance: size / total, isKept };
  });
  for (const { layer } of layers)
    if (layer instanceof TrainedWeight && layer.reason === 'module') spec[layer.path] = train();
  return { spec, rows, toString: () => format(rows) };
}

/** The sum of the squared changes that each place's adapter makes, by the path that it was made for. */
async function changeSizes<T, Batch>(
  tuned: T,
  name: string,
  batches: Iterable<Batch> | AsyncIterable<Batch>,
  call: (model: T, batch: Batch) => unknown,
): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for await (const batch of batches) {
    const seen = new Map<string, Tensor>();
    const watched = mapAdapted(tuned, (layer) => {
      if (!(layer instanceof AdaptedWeight) || layer.name !== name) return layer;
      const { path } = layer.settings;
      return new MeasuredWeight(layer, (change) => {
        const size = sum(square(cast(change, 'f32')));
        const known = seen.get(path);
        seen.set(path, known === undefined ? size : add(known, size));
      });
    });
    call(watched, batch);
    await evaluate([...seen.values()]);
    for (const [path, size] of seen) sizes.set(path, (sizes.get(path) ?? 0) + (await size.item()));
  }
  return sizes;
}

/** An adapted weight that tells what its adapter changes of each product. */
class MeasuredWeight implements Reparam {
  readonly base: AdaptedWeight;
  readonly #see: (change: Tensor) => void;

  constructor(base: AdaptedWeight, see: (change: Tensor) => void) {
    this.base = base;
    this.#see = see;
  }

  materialize(): Tensor {
    return this.base.materialize();
  }

  contract(x: Tensor, use: WeightUse, context: Context): Tensor {
    return this.#measured((weight) => contract(x, weight, use, context));
  }

  gather(ids: Tensor, context: Context): Tensor {
    return this.#measured((weight) => gather(ids, weight, context));
  }

  convolve(x: Tensor, options: ConvOptions, context: Context): Tensor {
    return this.#measured((weight) => convolve(x, weight, options, context));
  }

  contractExperts(x: Tensor, use: WeightUse, context: Context): Tensor {
    return this.#measured((weight) => contractExperts(x, weight, use, context));
  }

  #measured(product: (weight: Weight) => Tensor): Tensor {
    const adapted = product(this.base);
    this.#see(sub(adapted, product(this.base.base)));
    return adapted;
  }
}

/** The method under which a layer of little importance shares its factors. */
function sharedForm({ settings }: AdaptedWeight, path: string): AdaptSpec[string] {
  const { variant, site, method } = settings;
  if (variant.name !== loraVariant.name || site.kind !== 'linear') {
    throw new LorikeetError('invalid-argument', `${variant.name} here cannot be shared`, {
      path,
      expected: 'lora on linear layers',
      hint: "drop the rest: { rest: 'drop' }",
    });
  }
  // One config for all that share: patterns are of single places.
  const { rank, alpha, dropout, useRslora } = method.config as LoraConfig;
  return sharedLora({ rank, alpha, dropout, useRslora, ...method.target });
}

function invalid(summary: string, expected: string, received: string): LorikeetError {
  return new LorikeetError('invalid-argument', summary, { expected, received });
}

function format(rows: readonly LayerImportance[]): string {
  const cells = rows.map(({ path, importance, isKept }) => [
    path,
    isKept ? 'yes' : 'no',
    `${(100 * importance).toFixed(2)} %`,
  ]);
  return formatTable([['module', 'kept', 'importance'], ...cells], 2);
}
