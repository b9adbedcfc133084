import {
  at,
  FourBit,
  isAdaptable,
  isReparam,
  paths,
  Quantized,
  type QuantizeSpec,
  quantizeWeights,
  replaceAt,
} from '@lorikeet/nn';
import type { Probe } from './probe.ts';

type Form = QuantizeSpec[string];

/** Every way to quantise a weight, in pairs: one for each adapted part. */
const forms: readonly (readonly [Form, Form])[] = [
  [
    { dtype: 'i8', blockSize: 2 },
    { dtype: 'u4', blockSize: 3, symmetric: false },
  ],
  [
    { dtype: 'i4', blockSize: 4 },
    { dtype: 'u8', blockSize: 1, symmetric: false },
  ],
  [
    { dtype: 'nf4', blockSize: 3 },
    { dtype: 'fp4', blockSize: 2, doubleQuantize: true },
  ],
];

/** A probe with quantised weights, and what it stands for. */
export interface QuantizedProbe {
  readonly packed: Probe;
  /** With the dequantised weights in their places. */
  readonly plain: Probe;
  /** Paths of the modules whose weights are quantised. */
  readonly places: readonly string[];
}

/**
 * The probe in one of the pairs of forms, which its sizes choose; its kernels, which are not quantised, stay as they are.
 */
export function quantizedProbe(model: Probe): QuantizedProbe {
  const size = paths(model).reduce((sum, [, leaf]) => sum + leaf.size, 0);
  const pair: readonly Form[] = forms[size % forms.length] ?? [];
  const spec = model.adapted.flatMap((path, i) => {
    const form = pair[i];
    return form !== undefined && isMatrix(at(model, path)) ? [[path, form] as const] : [];
  });
  const packed = quantizeWeights(model, Object.fromEntries(spec));
  const places = spec.map(([path]) => path);
  return { packed, plain: dequantized(packed, places), places };
}

/** The weight under all adapters of a module, which must still be quantised. */
export function packedWeight(model: Probe, path: string): Quantized | FourBit {
  const module = at(model, path);
  let weight = isAdaptable(module) ? module[module.site.field] : undefined;
  while (isReparam(weight) && !isPacked(weight)) weight = weight.base;
  if (isPacked(weight)) return weight;
  throw new Error(`the base at ${path} is not quantised any more`);
}

function dequantized(packed: Probe, places: readonly string[]): Probe {
  return places.reduce((tree, path) => {
    const module = at(tree, path);
    if (!isAdaptable(module)) return tree;
    const field = `${path}.${module.site.field}`;
    return replaceAt(tree, field, packedWeight(tree, path).materialize());
  }, packed);
}

function isMatrix(module: unknown): boolean {
  return isAdaptable(module) && ['linear', 'embedding'].includes(module.site.kind);
}

function isPacked(weight: unknown): weight is Quantized | FourBit {
  return weight instanceof Quantized || weight instanceof FourBit;
}
