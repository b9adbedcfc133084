import { LorikeetError } from '@lorikeet/tensor-core';
import { z } from 'zod';
import type { LayerRanges } from '../replicateLayers.ts';
import { shown } from './shown.ts';

const names = z.array(z.string().min(1));
const layer = z.int().min(0);

/** What every config of PEFT says of where a method is put. */
const placement = z.object({
  peft_type: z.string(),
  task_type: z.string().nullish(),
  target_modules: z.union([z.string().min(1), names]).nullish(),
  target_parameters: names.nullish(),
  exclude_modules: z.union([z.string(), names]).nullish(),
  layers_to_transform: z.union([layer, z.array(layer)]).nullish(),
  layers_pattern: z.union([z.string(), names]).nullish(),
  modules_to_save: names.nullish(),
  layer_replication: z.array(z.tuple([layer, layer])).nullish(),
  alora_invocation_tokens: z.array(z.int().min(0)).min(1).nullish(),
  bias: z
    .string()
    .regex(/^(none|all|[a-z0-9]+_only)$/, "not 'none', 'all' or '..._only'")
    .nullish(),
  // The tree knows how each weight is stored, as PEFT does, which corrects the value with a warning.
  fan_in_fan_out: z.boolean().nullish(),
});

export interface PeftPlacement {
  readonly peft_type: string;
  readonly task_type: string | null;
  readonly target_modules: string | readonly string[] | null;
  /** Parameters by the ends of their paths: the weights of experts. */
  readonly target_parameters: readonly string[];
  readonly exclude_modules: string | readonly string[];
  readonly layers_to_transform: readonly number[];
  readonly layers_pattern: readonly string[];
  readonly modules_to_save: readonly string[];
  /** Of which layers of the model the adapted one is made; `null` if these are its own. */
  readonly layer_replication: LayerRanges | null;
  /** From whose last occurrence on the adapter acts; `null` if it acts everywhere. */
  readonly alora_invocation_tokens: readonly number[] | null;
  /** PEFT names the second mode after the method: `lora_only`, `boft_only`. */
  readonly bias: 'none' | 'all' | 'lora_only';
}

/** Keys of the placement that only some methods have. */
export const ownPlacementKeys: readonly string[] = [
  'alora_invocation_tokens',
  'layer_replication',
  'target_parameters',
];
/** Keys that say where a method is put, and keys that change no number. */
export const placementKeys: readonly string[] = Object.keys(placement.shape).filter(
  (key) => !ownPlacementKeys.includes(key),
);
export const passiveKeys: readonly string[] = [
  'auto_mapping',
  'base_model_name_or_path',
  'inference_mode',
  'peft_version',
  'revision',
];

/** A parsed `adapter_config.json`, as it is in the file. */
export type PeftJson = Readonly<Record<string, unknown>>;

/** The config as a record. Throws `invalid-config` if it is none, or would be a trap to handle. */
export function requireRecord(json: unknown): PeftJson {
  refuseTraps(json);
  if (typeof json === 'object' && json !== null && !Array.isArray(json))
    return Object.fromEntries(Object.entries(json));
  throw invalid('adapter_config.json is no JSON object', shown(json));
}

/** Reads the placement out of a config. Throws `invalid-config`, naming each fault. */
export function parsePlacement(json: PeftJson): PeftPlacement {
  const result = placement.safeParse(json);
  if (!result.success) {
    const faults = result.error.issues.map(
      ({ path, message }) => `${path.join('.') || 'config'}: ${message}`,
    );
    throw invalid('adapter_config.json is not valid', faults.join('; '));
  }
  const { data } = result;
  const targets = data.target_modules ?? null;
  const layers = listOf(data.layers_to_transform);
  const patterns = listOf(data.layers_pattern).filter((pattern) => pattern !== '');
  if (typeof targets === 'string' && (layers.length > 0 || patterns.length > 0)) {
    const hint = 'put the layers into the pattern';
    throw invalid(
      'layers cannot be chosen beside a target_modules that is a text',
      shown(targets),
      hint,
    );
  }
  if (patterns.length > 0 && layers.length === 0) {
    const hint = 'say which layers, or leave the pattern out';
    throw invalid('layers_pattern needs layers_to_transform', shown(patterns), hint);
  }
  const { bias } = data;
  return {
    peft_type: data.peft_type,
    task_type: data.task_type ?? null,
    target_modules: targets,
    target_parameters: data.target_parameters ?? [],
    exclude_modules: data.exclude_modules ?? [],
    layers_to_transform: layers,
    layers_pattern: patterns,
    modules_to_save: data.modules_to_save ?? [],
    layer_replication: data.layer_replication ?? null,
    alora_invocation_tokens: data.alora_invocation_tokens ?? null,
    bias: bias === 'all' ? 'all' : (bias ?? 'none') === 'none' ? 'none' : 'lora_only',
  };
}

function listOf<T extends string | number>(
  value: T | readonly T[] | null | undefined,
): readonly T[] {
  if (value === null || value === undefined) return [];
  return typeof value === 'object' ? value : [value];
}

const deepest = 32;

/** Only a hostile file has a key that changes the object that holds it, or is nested without end. */
function refuseTraps(json: unknown, depth = 0): void {
  if (typeof json !== 'object' || json === null) return;
  if (depth > deepest)
    throw invalid('adapter_config.json is nested too deep', `over ${deepest} levels`);
  if (Object.hasOwn(json, '__proto__'))
    throw invalid('adapter_config.json has a forbidden key', '__proto__');
  for (const value of Object.values(json)) refuseTraps(value, depth + 1);
}

function invalid(summary: string, received: string, hint?: string): LorikeetError {
  return new LorikeetError('invalid-config', summary, { received, hint });
}
