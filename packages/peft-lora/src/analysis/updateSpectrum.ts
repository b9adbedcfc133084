import { materialize } from '@lorikeet/nn';
import { evaluate, type Svd, sliceAxis, sub, svd } from '@lorikeet/tensor-core';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { asMatrix, svdOf } from '../algebra/lowRank.ts';
import { lowRankOf } from '../algebra/updateOf.ts';
import { requireAdapter } from '../compose.ts';
import { adapterLayers } from '../layers.ts';
import { inDoubles } from '../merging/mergedWeight.ts';
import { moduleOf } from '../peft/adapterTensors.ts';

/** What an adapter changes of one weight, as the matrix [out, in], decomposed. */
export interface UpdateSpectrum {
  /** Of the module. */
  readonly path: string;
  /** With all numbers in f64. */
  readonly layer: AdaptedWeight;
  /** In f64, evaluated; no more terms than the method can have. */
  readonly svd: Svd;
  /** The singular values, largest first. */
  readonly values: readonly number[];
}

/** The weights of a model that one adapter changes as matrices. Throws `no-match` if there is no such adapter. */
export function adaptedMatrices(tuned: unknown, name: string): [string, AdaptedWeight][] {
  requireAdapter(tuned, name);
  return adapterLayers(tuned).flatMap(({ path, layer }): [string, AdaptedWeight][] =>
    layer instanceof AdaptedWeight && layer.name === name && layer.settings.shape.kind !== 'norm'
      ? [[moduleOf(path), layer]]
      : [],
  );
}

/**
 * Decomposes the change of a weight: by QR of thin factors and SVD of the small core between them where the method has
 * such factors, else of the dense change. Computed in f64, so that the digits that a small change loses beside its weight
 * are those of the adapter, not of the analysis.
 */
export async function spectrumOf(path: string, adapted: AdaptedWeight): Promise<UpdateSpectrum> {
  const layer = inDoubles(adapted);
  const { variant, config, shape } = layer.settings;
  const pair = lowRankOf(layer);
  const found = pair === undefined ? denseSvd(layer) : svdOf(pair);
  // Each of the experts has that rank.
  const bound = shape.experts * (variant.traits.maxRank(config) ?? Infinity);
  const most = Math.min(bound, found.s.size);
  const first = (part: Svd['u']): Svd['u'] => sliceAxis(part, -1, 0, most);
  const svd = { u: first(found.u), s: first(found.s), v: first(found.v) };
  await evaluate([svd.u, svd.s, svd.v]);
  return { path, layer, svd, values: [...(await svd.s.data())].map(Number) };
}

function denseSvd(layer: AdaptedWeight): Svd {
  const change = sub(layer.materialize(), materialize(layer.base));
  return svd(asMatrix(change, layer.settings));
}
