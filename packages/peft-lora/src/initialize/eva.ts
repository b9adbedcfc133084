import {
  div,
  foldIn,
  LorikeetError,
  permute,
  randomKey,
  reshape,
  sliceAxis,
  sqrt,
  svd,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { mapAdapted } from '../layers.ts';
import { type InputStatistics, layerInputs } from './layerInputs.ts';
import { loraPlaces } from './loraPlaces.ts';
import { withFirstValues } from './withFirstValues.ts';
import { withRank } from './withRank.ts';

export interface EvaOptions<T, Batch> {
  readonly batches: Iterable<Batch> | AsyncIterable<Batch>;
  /** Calls the model with a batch; its layers are watched. */
  call(model: T, batch: Batch): unknown;
  /** Defaults to `default`. */
  readonly name?: string;
  /** No weight gets more than so many times its rank; at 1 ranks stay as they are. Defaults to 2. */
  readonly rho?: number;
  /** Divides each direction by the root of its singular value. Defaults to false. */
  readonly whiten?: boolean;
  /** Of what a method draws anew for another rank. */
  readonly key?: Tensor;
}

/**
 * Starts LoRA with the directions in which the inputs of each layer vary most, and gives ranks to where they explain
 * most: EVA, Paischer et al. 2024, https://arxiv.org/abs/2410.07170. A has the top right singular vectors of the inputs,
 * not centred, of all batches; B is zero. A weight to which no rank falls loses its adapter; alpha follows the rank, so that the
 * scaling stays.
 *
 * @param tuned with an adapter of `lora`, `velora`, `monteclora` or `kasa` with `initLoraWeights: 'eva'` on linear layers.
 * @throws LorikeetError `invalid-argument` for another adapter, `unsupported` for other layers or ones that are not called.
 */
export async function initializeEva<T, Batch>(
  tuned: T,
  {
    batches,
    call,
    name = 'default',
    rho = 2,
    whiten = false,
    key = randomKey(0),
  }: EvaOptions<T, Batch>,
): Promise<T> {
  const places = loraPlaces(tuned, name, 'eva');
  const inputs = await layerInputs(tuned, name, batches, call);
  const found = new Map<string, { readonly v: Tensor; readonly squares: Tensor }>();
  const candidates: { readonly path: string; readonly share: number }[] = [];
  for (const { path, config } of places) {
    const { u, s } = svd(inputsOf(inputs, path).gram);
    found.set(path, { v: u, squares: s });
    const values = [...(await s.data())];
    const total = values.reduce((sum, value) => sum + value, 0);
    const most = Math.floor(config.rank * rho);
    for (const value of values.slice(0, most))
      candidates.push({ path, share: total === 0 ? 0 : value / total });
  }
  const budget = places.reduce((sum, { config }) => sum + config.rank, 0);
  const chosen = candidates.sort((a, b) => b.share - a.share).slice(0, budget);
  const ranks = new Map<string, number>();
  for (const { path } of chosen) ranks.set(path, (ranks.get(path) ?? 0) + 1);

  const configs = new Map(places.map(({ path, config }) => [path, config] as const));
  const ranked = mapAdapted(tuned, (layer) => {
    if (!(layer instanceof AdaptedWeight) || layer.name !== name) return layer;
    const { path } = layer.settings;
    const [rank, config] = [ranks.get(path), configs.get(path)];
    if (rank === undefined || config === undefined) return layer.base;
    return withRank(layer, config, rank, foldIn(key, path));
  });
  const values = places.flatMap(({ path, shape }) => {
    const [rank, part] = [ranks.get(path), found.get(path)];
    if (rank === undefined || part === undefined) return [];
    const rows = permute(sliceAxis(part.v, 1, 0, rank), [1, 0]); // [R, in]
    const roots = reshape(sqrt(sqrt(sliceAxis(part.squares, 0, 0, rank))), [rank, 1]);
    const A = whiten ? div(rows, roots) : rows;
    return [[path, { A, B: zeros([shape.out, rank]) }] as const];
  });
  return withFirstValues(ranked, name, new Map(values));
}

/** The statistics of a layer. Throws `unsupported` if it was never called as a linear one. */
export function inputsOf(
  inputs: ReadonlyMap<string, InputStatistics>,
  path: string,
): InputStatistics {
  const found = inputs.get(path);
  if (found !== undefined) return found;
  throw new LorikeetError('unsupported', 'no batch gave the layer an input', {
    path,
    hint: 'adapt linear layers that every batch goes through, with this adapter outermost',
  });
}
