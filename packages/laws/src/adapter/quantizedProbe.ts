import { at, isAdaptable, isReparam, Quantized, quantizeWeights, replaceAt } from '@lorikeet/nn';
import type { QuantizeOptions } from '@lorikeet/tensor-core';
import type { Probe } from './probe.ts';

/** Every way to store a weight in whole numbers, in pairs: one for each adapted part. */
const forms: readonly (readonly [QuantizeOptions, QuantizeOptions])[] = [
  [
    { dtype: 'i8', blockSize: 2 },
    { dtype: 'u4', blockSize: 3, symmetric: false },
  ],
  [
    { dtype: 'i4', blockSize: 4 },
    { dtype: 'u8', blockSize: 1, symmetric: false },
  ],
];

/** A probe with quantised weights, and what it stands for. */
export interface QuantizedProbe {
  readonly packed: Probe;
  /** With the dequantised weights in their places. */
  readonly plain: Probe;
  /** Paths of the modules whose weights are quantised. */
  readonly paths: readonly string[];
}

/** The probe in each pair of forms; its kernels, which are not quantised, stay as they are. */
export function quantizedProbes(model: Probe): QuantizedProbe[] {
  return forms.map((pair) => {
    const spec = model.adapted.flatMap((path, i) => {
      const form = pair[i];
      return form !== undefined && isMatrix(at(model, path)) ? [[path, form] as const] : [];
    });
    const packed = quantizeWeights(model, Object.fromEntries(spec));
    const paths = spec.map(([path]) => path);
    return { packed, plain: dequantized(packed, paths), paths };
  });
}

/** The weight under all adapters of a module, which must still be quantised. */
export function packedWeight(model: Probe, path: string): Quantized {
  const module = at(model, path);
  let weight = isAdaptable(module) ? module[module.site.field] : undefined;
  while (isReparam(weight) && !(weight instanceof Quantized)) weight = weight.base;
  if (weight instanceof Quantized) return weight;
  throw new Error(`the base at ${path} is not quantised any more`);
}

function dequantized(packed: Probe, paths: readonly string[]): Probe {
  return paths.reduce((tree, path) => {
    const module = at(tree, path);
    if (!isAdaptable(module)) return tree;
    const field = `${path}.${module.site.field}`;
    return replaceAt(tree, field, packedWeight(tree, path).materialize());
  }, packed);
}

function isMatrix(module: unknown): boolean {
  return isAdaptable(module) && ['linear', 'embedding'].includes(module.site.kind);
}
