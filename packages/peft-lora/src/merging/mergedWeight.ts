import { isReparam, materialize, type Reparam, type Weight } from '@lorikeet/nn';
import { cast, type DType, mapTensors, type Tensor } from '@lorikeet/tensor-core';
import { type AdapterLayer, isAdapterLayer } from '../layers.ts';

/** How weights are merged. */
export interface MergeForm {
  /** Of the merged weights. Defaults to that of each base. */
  readonly dtype?: DType;
  /** What becomes of an adapted weight that is quantised: a plain tensor, or another one that is quantised alike. */
  readonly quantised?: 'dequantise' | 'requantise';
}

/** A merged weight, and the tensor that it is. */
export interface MergedWeight {
  readonly weight: Weight;
  readonly value: Tensor;
  /** The form in which it is stored, if that loses more than rounding. */
  readonly stored: Reparam | undefined;
}

/** Works the layers of a weight into it: computed in f32 at least, and rounded once. */
export function mergedWeight(
  layer: AdapterLayer,
  { dtype, quantised = 'dequantise' }: MergeForm,
): MergedWeight {
  const root = rootOf(layer);
  const wide = materialize(inSingles(layer));
  const target = dtype ?? materialize(root).dtype;
  const value = wide.dtype === target ? wide : cast(wide, target);
  if (quantised === 'dequantise' || !isReparam(root) || root.requantize === undefined)
    return { weight: value, value, stored: undefined };
  const stored = root.requantize(value);
  return { weight: stored, value: stored.materialize(), stored };
}

/** What the layers mean, in f64. */
export function exactWeight(layer: AdapterLayer): Tensor {
  return materialize(inDoubles(layer));
}

/** A layer, and what is below, with its half floats in f32. */
export function inSingles<T extends AdapterLayer>(layer: T): T {
  return mapTensors(layer, (leaf) => inDType(leaf, isHalf, 'f32'));
}

/** A layer, and what is below, with all its numbers in f64. */
export function inDoubles<T extends AdapterLayer>(layer: T): T {
  return mapTensors(layer, (leaf) =>
    inDType(leaf, (dtype) => isHalf(dtype) || dtype === 'f32', 'f64'),
  );
}

/** The weight under all adapters. */
export function rootOf(weight: Weight): Weight {
  return isAdapterLayer(weight) ? rootOf(weight.base) : weight;
}

function isHalf(dtype: DType): boolean {
  return dtype === 'f16' || dtype === 'bf16';
}

function inDType(leaf: Tensor, isNarrow: (dtype: DType) => boolean, dtype: DType): Tensor {
  return isNarrow(leaf.dtype) ? cast(leaf, dtype) : leaf;
}
