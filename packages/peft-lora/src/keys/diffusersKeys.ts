import { LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { valueForPath } from '../target.ts';
import { alphaIn, scaled } from './alphas.ts';
import { noPlaceFor, unknownKey } from './keyErrors.ts';
import { type KeyedModule, type KeyedParts, keyEndings } from './keyedModule.ts';

const partName = /^(unet|prior|controlnet|transformer(?:_\d)?|text_encoder(?:_\d)?)\.(.+)$/;

/**
 * Adapters under the keys of diffusers, as `unet.mid_block.proj.lora_A.weight`. These tell no scale: it is worked into
 * `lora_B`, so that every release reads them alike.
 *
 * @throws LorikeetError `unsupported` for LoHa and LoKr, which diffusers does not load.
 */
export function writeDiffusersKeys(parts: KeyedParts): Map<string, Tensor> {
  const written = new Map<string, Tensor>();
  for (const [part, modules] of parts)
    for (const { path, type, tensors, alpha, rank } of modules) {
      const scale = alpha / rank;
      if (type !== 'LORA')
        throw noPlaceFor('diffusers', path, `${type} is known to kohya and PEFT`);
      for (const [ending, value] of Object.entries(tensors)) {
        const isScaled = ending === 'lora_B.weight' && scale !== 1;
        written.set(`${part}.${path}.${ending}`, isScaled ? scaled(value, scale) : value);
      }
    }
  return written;
}

export interface ReadDiffusersOptions {
  /** The part of keys that name none, as in old files. Defaults to `unet`. */
  readonly part?: string;
  /** `lora_adapter_metadata` of the file, in which newer releases of diffusers keep scales. */
  readonly metadata?: string | undefined;
}

/**
 * Reads keys of diffusers: those of today, and the older ones (`.lora.down.weight`, `.lora_linear_layer.down.weight`,
 * `.processor.to_q_lora.down.weight`). The scale is that of `alpha` or of the metadata, else 1.
 *
 * @throws LorikeetError `unexpected-tensor`, `missing-tensor`; `invalid-file` for metadata that is none.
 */
export async function readDiffusersKeys(
  tensors: ReadonlyMap<string, Tensor>,
  { part: otherwise = 'unet', metadata }: ReadDiffusersOptions = {},
): Promise<KeyedParts> {
  const grouped = new Map<string, Map<string, Record<string, Tensor>>>();
  for (const [name, value] of tensors) {
    const [, part = otherwise, key = name] = partName.exec(name) ?? [];
    const { path, ending } = splitKey(key, part, name);
    const modules = grouped.get(part) ?? new Map<string, Record<string, Tensor>>();
    modules.set(path, { ...modules.get(path), [ending]: value });
    grouped.set(part, modules);
  }
  const alphaOf = alphasOf(metadata);
  const parts = new Map<string, readonly KeyedModule[]>();
  for (const [part, modules] of grouped) {
    const found: KeyedModule[] = [];
    for (const [path, { alpha, ...own }] of modules) {
      const rank = own['lora_A.weight']?.shape[0];
      if (rank === undefined || own['lora_B.weight'] === undefined)
        throw new LorikeetError('missing-tensor', 'a module of the adapter is not whole', {
          path: `${part}.${path}`,
          received: Object.keys(own).join(', '),
        });
      const given = alpha === undefined ? undefined : await alphaIn(alpha);
      const told = given ?? alphaOf(part, path, rank) ?? rank;
      found.push({ path, type: 'LORA', tensors: own, rank, alpha: told });
    }
    parts.set(part, found);
  }
  return parts;
}

/** The path of a module and the end of PEFT's key for a tensor of it. */
function splitKey(
  key: string,
  part: string,
  name: string,
): { readonly path: string; readonly ending: string } {
  const plain = key
    .replace('.processor.', '.')
    .replace(/\.to_(q|k|v|out)_lora\./, (_, side: string) => `.${projection(side, part)}.lora.`)
    .replace('.lora_linear_layer.', '.lora.')
    .replace(/\.lora\.down\.weight$/, '.lora_A.weight')
    .replace(/\.lora\.up\.weight$/, '.lora_B.weight')
    .replace(/\.lora_magnitude_vector\.weight$/, '.lora_magnitude_vector')
    .replace(/\.lora\.alpha$/, '.alpha');
  const endings = [...Object.keys(keyEndings.LORA), 'alpha'];
  const ending = endings.find((end) => plain.endsWith(`.${end}`));
  if (ending === undefined) throw unknownKey('diffusers', name, '... .lora_A.weight');
  return { path: plain.slice(0, -ending.length - 1), ending };
}

/** The layer of an attention that an old name means. */
function projection(side: string, part: string): string {
  if (part.startsWith('text_encoder')) return `${side}_proj`;
  return side === 'out' ? 'to_out.0' : `to_${side}`;
}

const number = z.number();
const record = z.record(z.string(), z.unknown());

function alphasOf(
  metadata: string | undefined,
): (part: string, path: string, rank: number) => number | undefined {
  if (metadata === undefined) return () => undefined;
  const found = record.safeParse(parsed(metadata));
  if (!found.success) throw noMetadata(metadata);
  return (part, path, rank) => {
    const own = (key: string): unknown => found.data[`${part}.${key}`];
    const pattern = z.record(z.string(), number).safeParse(own('alpha_pattern') ?? {});
    const common = number.safeParse(own('lora_alpha'));
    const at = pattern.success ? valueForPath(pattern.data, path) : undefined;
    const alpha = at ?? (common.success ? common.data : undefined);
    if (alpha === undefined) return undefined;
    return own('use_rslora') === true ? alpha * Math.sqrt(rank) : alpha;
  };
}

function parsed(metadata: string): unknown {
  try {
    return JSON.parse(metadata);
  } catch {
    throw noMetadata(metadata);
  }
}

function noMetadata(metadata: string): LorikeetError {
  return new LorikeetError('invalid-file', 'lora_adapter_metadata is no JSON object', {
    received: metadata.slice(0, 60),
  });
}
