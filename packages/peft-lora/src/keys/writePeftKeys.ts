import { LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import { prefix } from '../peft/adapterTensors.ts';
import type { EncodedAdapter } from '../peft/encodedAdapter.ts';
import { patternOf } from '../peft/encodeFields.ts';
import { escapePath } from '../peft/encodePlacement.ts';
import { endsInName } from '../target.ts';
import { parseConfig, peftFieldsOf, type Variant } from '../variant.ts';
import { lohaVariant } from '../variants/loha.ts';
import { lokrVariant } from '../variants/lokr.ts';
import { loraVariant } from '../variants/lora.ts';
import type { KeyedModule, KeyedType } from './keyedModule.ts';
import { lokrFactor } from './lokrFactor.ts';

export interface WritePeftOptions {
  /** PEFT's `base_model_name_or_path`. */
  readonly baseModel?: string;
  /** Paths of all modules of the model, so that the targets are told from others; those of the adapter if not given. */
  readonly modules?: readonly string[];
}

/**
 * Modules as an adapter of PEFT. Ranks and scales that differ become patterns.
 *
 * @throws LorikeetError `unsupported` for modules of several methods, or shapes that no config of PEFT has.
 */
export function writePeftKeys(
  modules: readonly KeyedModule[],
  { baseModel, modules: known = [] }: WritePeftOptions = {},
): EncodedAdapter {
  const type = onlyType(modules);
  const variant = variantOf(type);
  const fields = parseConfig(variant, {
    ...patterned(modules, 'rank', ({ rank }) => rank),
    ...patterned(modules, 'alpha', ({ alpha }) => alpha),
    ...layoutOf(modules, type),
  });
  const values = new Map(Object.entries(fields as object));
  const config = {
    ...variant.peft?.inactive,
    auto_mapping: null,
    base_model_name_or_path: baseModel ?? null,
    inference_mode: true,
    modules_to_save: null,
    peft_type: type,
    revision: null,
    ...(type === 'LORA' ? { bias: 'none', fan_in_fan_out: false } : {}),
    target_modules: targetsOf(
      modules.map(({ path }) => path),
      known,
    ),
    task_type: null,
    ...Object.fromEntries(peftFieldsOf(variant).map(({ field, key }) => [key, values.get(field)])),
  };
  const tensors = modules.flatMap(({ path, tensors: own }) =>
    Object.entries(own).map(([ending, value]): [string, Tensor] => [
      `${prefix}${path}.${ending}`,
      value,
    ]),
  );
  return {
    config: Object.fromEntries(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1))),
    tensors: new Map(tensors),
  };
}

function variantOf(type: KeyedType): Variant {
  const variants = { LORA: loraVariant, LOHA: lohaVariant, LOKR: lokrVariant };
  return variants[type] as Variant;
}

function onlyType(modules: readonly KeyedModule[]): KeyedType {
  const types = [...new Set(modules.map(({ type }) => type))];
  const [type] = types;
  if (type !== undefined && types.length === 1) return type;
  throw new LorikeetError('unsupported', 'an adapter of PEFT is of one method', {
    received: types.join(', ') || 'no module',
    hint: 'convert the parts one by one',
  });
}

/** The commonest value, and a pattern of the others. */
function patterned(
  modules: readonly KeyedModule[],
  field: 'rank' | 'alpha',
  read: (module: KeyedModule) => number,
): Record<string, unknown> {
  const counts = new Map<number, number>();
  for (const module of modules) counts.set(read(module), (counts.get(read(module)) ?? 0) + 1);
  const [[common] = [0]] = [...counts].sort(([, a], [, b]) => b - a);
  const others = modules.filter((module) => read(module) !== common);
  const pattern = others.map((module) => [patternOf(module.path, modules), read(module)]);
  return { [field]: common, [`${field}Pattern`]: Object.fromEntries(pattern) };
}

/** The options that decide which tensors there are. */
function layoutOf(modules: readonly KeyedModule[], type: KeyedType): Record<string, unknown> {
  const having = (ending: string): boolean =>
    modules.some(({ tensors }) => tensors[ending] !== undefined);
  if (type === 'LOHA') return { useEffectiveConv2d: having('hada_t1') };
  if (type === 'LOKR')
    return {
      decomposeBoth: having('lokr_w1_a'),
      decomposeFactor: lokrFactor(modules),
      useEffectiveConv2d: having('lokr_t2'),
    };
  const useDora = having('lora_magnitude_vector');
  const bare = modules.find(({ tensors }) => tensors.lora_magnitude_vector === undefined);
  if (useDora && bare !== undefined)
    throw new LorikeetError(
      'unsupported',
      'an adapter of PEFT has magnitudes everywhere, or nowhere',
      {
        path: bare.path,
      },
    );
  return { useDora };
}

/** Full paths or, where one of them is the end of another module's, a regular expression that fits them alone. */
function targetsOf(paths: readonly string[], known: readonly string[]): readonly string[] | string {
  const own = new Set(paths);
  const isTaken = [...known, ...paths].some(
    (path) => !own.has(path) && paths.some((target) => endsInName(path, target)),
  );
  const sorted = [...paths].sort();
  return isTaken ? sorted.map(escapePath).join('|') : sorted;
}
