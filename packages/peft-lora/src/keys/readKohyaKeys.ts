import { LorikeetError, reshape, type Tensor } from '@lorikeet/tensor-core';
import { alphaIn } from './alphas.ts';
import { pathFinder } from './flatten.ts';
import { unknownKey } from './keyErrors.ts';
import {
  type KeyedModule,
  type KeyedParts,
  keyEndings,
  rankOfTensors,
  typeOf,
} from './keyedModule.ts';
import { kohyaPrefixes } from './kohyaPrefixes.ts';

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
    const [start = '', part = ''] = kohyaPrefixes.find(([prefix]) => name.startsWith(prefix)) ?? [];
    if (start === '')
      throw unknownKey('kohya', name, kohyaPrefixes.map(([prefix]) => `${prefix}...`).join(', '));
    const find = finders.get(part) ?? pathFinder(modules[part] ?? []);
    finders.set(part, find);
    const path = find(name.slice(start.length));
    parts.set(part, [...(parts.get(part) ?? []), await moduleOf(path, name, own)]);
  }
  return parts;
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
