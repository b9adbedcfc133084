import { LorikeetError, reshape, type Tensor, tensor } from '@lorikeet/tensor-core';
import { alphaIn, scaled } from './alphas.ts';
import { flatten, pathFinder } from './flatten.ts';
import { noPlaceFor, unknownKey } from './keyErrors.ts';
import {
  type KeyedModule,
  type KeyedParts,
  keyEndings,
  rankOfTensors,
  typeOf,
} from './keyedModule.ts';

/** What names start with, by the part of the model. */
const prefixes: readonly (readonly [prefix: string, part: string])[] = [
  ['lora_unet_', 'unet'],
  ['lora_te1_', 'text_encoder'],
  ['lora_te2_', 'text_encoder_2'],
  ['lora_te3_', 'text_encoder_3'],
  ['lora_te_', 'text_encoder'],
];

/** The part that a key of kohya's style is for; `undefined` for a key of another style. */
export function kohyaPartOf(key: string): string | undefined {
  return prefixes.find(([prefix]) => key.startsWith(prefix))?.[1];
}

/**
 * Adapters under the keys of kohya's sd-scripts and of LyCORIS, as `lora_unet_mid_block_proj.lora_down.weight`.
 *
 * @returns scales as `alpha`, a scalar beside each module.
 * @throws LorikeetError `unsupported` for parts that the style does not have, and for modules whose names become the same.
 */
export function writeKohyaKeys(parts: KeyedParts): Map<string, Tensor> {
  const written = new Map<string, Tensor>();
  for (const [part, modules] of parts) {
    const start = prefixOf(part, parts);
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

export interface ReadKohyaOptions {
  /** Paths of all modules of each part, since the keys do not tell `_` from a dot. */
  readonly modules: Readonly<Record<string, readonly string[]>>;
}

/**
 * Reads keys of kohya's style. Without an `alpha` the scale is 1.
 *
 * @throws LorikeetError `no-match` for a module that is not in the list, `invalid-argument` for one that may be several;
 *   `unexpected-tensor`, `missing-tensor`; `unsupported` for magnitudes of inputs, which PEFT does not have.
 */
export async function readKohyaKeys(
  tensors: ReadonlyMap<string, Tensor>,
  { modules }: ReadKohyaOptions,
): Promise<KeyedParts> {
  const grouped = new Map<string, Record<string, Tensor>>();
  for (const [key, value] of tensors) {
    const dot = key.indexOf('.');
    const name = key.slice(0, Math.max(0, dot));
    grouped.set(name, { ...grouped.get(name), [key.slice(dot + 1)]: value });
  }
  const finders = new Map<string, (name: string) => string>();
  const parts = new Map<string, KeyedModule[]>();
  for (const [name, own] of grouped) {
    const [start = '', part = ''] = prefixes.find(([prefix]) => name.startsWith(prefix)) ?? [];
    if (start === '')
      throw unknownKey('kohya', name, prefixes.map(([prefix]) => `${prefix}...`).join(', '));
    const find = finders.get(part) ?? pathFinder(modules[part] ?? []);
    finders.set(part, find);
    const path = find(name.slice(start.length));
    parts.set(part, [...(parts.get(part) ?? []), await moduleOf(path, name, own)]);
  }
  return parts;
}

function prefixOf(part: string, parts: KeyedParts): string {
  const isOnly = [...parts.keys()].every((other) => !/^text_encoder_\d$/.test(other));
  // A transformer in the place of a U-Net has its prefix.
  const wanted = part.startsWith('transformer') ? 'unet' : part;
  const found = prefixes.filter(([, own]) => own === wanted).map(([prefix]) => prefix);
  const prefix = isOnly ? found.at(-1) : found[0];
  if (prefix !== undefined) return prefix;
  throw noPlaceFor('kohya', part, `parts: ${prefixes.map(([, own]) => own).join(', ')}`);
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

async function moduleOf(
  path: string,
  name: string,
  { alpha, ...stored }: Readonly<Record<string, Tensor>>,
): Promise<KeyedModule> {
  const type = typeOf(Object.keys(stored).map(peftEnding));
  const tensors: Record<string, Tensor> = {};
  for (const [ending, value] of Object.entries(stored)) {
    const own = peftEnding(ending);
    if (type === undefined || !Object.hasOwn(keyEndings[type], own))
      throw unknownKey('kohya', `${name}.${ending}`, Object.values(keyEndings.LORA).join(', '));
    tensors[own] = value;
  }
  if (type === undefined) throw unknownKey('kohya', name, 'lora_down.weight and lora_up.weight');
  requireWhole(type, tensors, name);
  const magnitude = tensors.lora_magnitude_vector;
  if (magnitude !== undefined)
    tensors.lora_magnitude_vector = magnitudeOf(magnitude, tensors, name);
  const given = alpha === undefined ? undefined : await alphaIn(alpha);
  const shown = rankOfTensors(tensors);
  const rank = shown ?? wholeRank(tensors, given);
  return { path, type, tensors, rank, alpha: shown === undefined ? rank : (given ?? rank) };
}

/** A rank with which PEFT keeps both factors whole: the one that the file tells, if it would. */
function wholeRank(tensors: Readonly<Record<string, Tensor>>, alpha: number | undefined): number {
  const half = (...names: string[]): number =>
    Math.max(1, ...names.flatMap((name) => tensors[name]?.shape.slice(0, 2) ?? [])) / 2;
  const isRank = alpha !== undefined && Number.isInteger(alpha) && alpha >= half('lokr_w2');
  return isRank ? alpha : Math.ceil(half('lokr_w1', 'lokr_w2'));
}

function peftEnding(ending: string): string {
  const found = Object.entries(keyEndings.LORA).find(([, kohya]) => kohya === ending);
  return found?.[0] ?? ending;
}

function requireWhole(
  type: KeyedModule['type'],
  tensors: Readonly<Record<string, Tensor>>,
  name: string,
): void {
  const has = (ending: string): boolean => tensors[ending] !== undefined;
  const isFactor = (factor: string): boolean =>
    has(factor) || (has(`${factor}_a`) && has(`${factor}_b`));
  const wanted = {
    LORA: has('lora_A.weight') && has('lora_B.weight'),
    LOHA: ['hada_w1', 'hada_w2'].every(isFactor),
    LOKR: ['lokr_w1', 'lokr_w2'].every(isFactor),
  };
  if (wanted[type]) return;
  throw new LorikeetError('missing-tensor', 'a module of the adapter is not whole', {
    path: name,
    received: Object.keys(tensors).join(', '),
  });
}

/** PEFT's magnitudes are of outputs; kohya's may be of inputs, which a square weight tells by the shape alone. */
function magnitudeOf(
  stored: Tensor,
  tensors: Readonly<Record<string, Tensor>>,
  name: string,
): Tensor {
  const [out = 0] = tensors['lora_B.weight']?.shape ?? [];
  const kernel = tensors['lora_A.weight']?.shape.slice(2) ?? [];
  if (stored.shape[0] !== out || stored.size !== out)
    throw new LorikeetError('unsupported', 'magnitudes of inputs, which PEFT does not have', {
      path: `${name}.dora_scale`,
      expected: `[${out}, 1]`,
      received: `[${stored.shape.join(', ')}]`,
    });
  return reshape(stored, kernel.length === 0 ? [out] : [1, out, ...kernel.map(() => 1)]);
}
