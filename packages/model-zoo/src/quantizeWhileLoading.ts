import {
  at,
  FourBit,
  type FourBitOptions,
  isAdaptable,
  nodePaths,
  paths,
  Quantized,
  type QuantizeSpec,
  type Reparam,
  selectPaths,
} from '@lorikeet/nn';
import { LorikeetError, type QuantizeOptions, realize, type Tensor } from '@lorikeet/tensor-core';
import type { Model } from './model.ts';

type Options = QuantizeOptions | FourBitOptions;

/** Ways to quantise that have a name. */
export type QuantizeName = 'nf4' | 'fp4' | 'int8' | 'int4';

/** How many elements share a scale; QLoRA's. */
const blockSize = 64;
const named: Readonly<Record<QuantizeName, Options>> = {
  nf4: { dtype: 'nf4', blockSize },
  fp4: { dtype: 'fp4', blockSize },
  int8: { dtype: 'i8', blockSize },
  int4: { dtype: 'i4', blockSize },
};

/**
 * What quantises the weights of a model one by one: it gives the small form of those that are chosen, and nothing for others.
 *
 * @param base the field of the base model; a head outside of it stays whole if only a name is given.
 * @throws LorikeetError `no-match` for a selector that finds nothing; `unsupported` for a weight that has a second place.
 */
export function weightQuantizer(
  model: Model,
  wanted: QuantizeName | QuantizeSpec | undefined,
  { base, shared }: { readonly base: string; readonly shared: ReadonlySet<string> },
): (name: string, weight: Tensor) => Reparam | undefined {
  if (wanted === undefined) return () => undefined;
  const spec = typeof wanted === 'string' ? undefined : wanted;
  const candidates = nodePaths(model).filter((path) => {
    const module = at(model, path);
    const kinds = spec === undefined ? ['linear'] : ['linear', 'embedding'];
    return isAdaptable(module) && kinds.includes(module.site.kind);
  });
  const chosen = new Map<string, Options>();
  if (typeof wanted === 'string') {
    const options = optionsOf(wanted);
    const inBase = candidates.filter((path) => path.startsWith(`${base}.`));
    const hasHead = nodePaths(model).includes(base);
    for (const path of hasHead ? inBase : candidates) chosen.set(path, options);
  } else {
    for (const [selector, options] of Object.entries(wanted))
      for (const path of selectPaths(selector, candidates))
        if (!chosen.has(path)) chosen.set(path, options);
  }
  const modules = new Map(
    [...chosen].flatMap(([path, options]) => {
      const module = at(model, path);
      if (!isAdaptable(module)) return [];
      const name = `${path}.${module.site.field}`;
      if (!shared.has(name)) return [[name, { site: module.site, options }] as const];
      throw new LorikeetError('unsupported', 'a weight with two places cannot be quantised', {
        path: name,
        hint: 'leave it out of quantize',
      });
    }),
  );
  return (name, weight) => {
    const found = modules.get(name);
    if (found === undefined) return undefined;
    const { site, options } = found;
    const small = isFourBit(options)
      ? FourBit.of(weight, site, options)
      : Quantized.of(weight, site, options);
    // Before the next weight is read: what is computed on the way takes several times as much as the weight.
    realize(...paths(small).map(([, leaf]) => leaf));
    return small;
  };
}

function optionsOf(name: QuantizeName): Options {
  if (Object.hasOwn(named, name)) return named[name];
  throw new LorikeetError('invalid-argument', 'no way to quantise is called so', {
    path: 'quantize',
    expected: Object.keys(named).join(', '),
    received: String(name),
  });
}

function isFourBit(options: Options): options is FourBitOptions {
  return options.dtype === 'nf4' || options.dtype === 'fp4';
}
