import { reshape, type Tensor, tensor } from '@lorikeet/tensor-core';
import { scaled } from './alphas.ts';
import { flatten } from './flatten.ts';
import { noPlaceFor } from './keyErrors.ts';
import { type KeyedModule, type KeyedParts, keyEndings } from './keyedModule.ts';
import { kohyaPrefixOf } from './kohyaPrefixes.ts';

/**
 * Adapters under the keys of kohya's sd-scripts and of LyCORIS, as `lora_unet_mid_block_proj.lora_down.weight`.
 *
 * @returns scales as `alpha`, a scalar beside each module.
 * @throws LorikeetError `unsupported` for parts that the style does not have, and for modules whose names become the same.
 */
export function writeKohyaKeys(parts: KeyedParts): Map<string, Tensor> {
  const written = new Map<string, Tensor>();
  for (const [part, modules] of parts) {
    const start = kohyaPrefixOf(part, parts);
    for (const module of modules) {
      const name = start + flatten(module.path);
      if (written.has(`${name}.alpha`))
        throw noPlaceFor('kohya', module.path, 'another module has the same name without dots');
      for (const [ending, value] of Object.entries(tensorsOf(module)))
        written.set(`${name}.${ending}`, value);
      written.set(`${name}.alpha`, tensor([alphaOf(module)], []));
    }
  }
  return written;
}

/** With both factors of a Kronecker product whole, alpha counts for nothing: the scale is in the first. */
function isWhole({ tensors }: Pick<KeyedModule, 'tensors'>): boolean {
  return tensors.lokr_w1 !== undefined && tensors.lokr_w2 !== undefined;
}

function alphaOf(module: KeyedModule): number {
  return isWhole(module) ? module.rank : module.alpha;
}

function tensorsOf(module: KeyedModule): Record<string, Tensor> {
  const { type, tensors, alpha, rank } = module;
  const scale = alpha / rank;
  const down = tensors['lora_A.weight'];
  return Object.fromEntries(
    Object.entries(tensors).map(([ending, value]) => {
      const name = keyEndings[type][ending] ?? ending;
      if (name === 'dora_scale')
        return [name, reshape(value, [value.size, ...(down?.shape.slice(1) ?? []).map(() => 1)])];
      return [
        name,
        name === 'lokr_w1' && isWhole(module) && scale !== 1 ? scaled(value, scale) : value,
      ];
    }),
  );
}
