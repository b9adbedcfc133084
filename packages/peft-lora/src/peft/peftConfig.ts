import { LorikeetError } from '@lorikeet/tensor-core';
import { z } from 'zod';

const names = z.array(z.string().min(1));

/** What every config of PEFT says of where a method is put. */
const placement = z.looseObject({
  peft_type: z.string(),
  target_modules: z.union([z.string().min(1), names]).nullish(),
  exclude_modules: z.union([z.string().min(1), names]).nullish(),
  layers_to_transform: z.union([z.int().min(0), z.array(z.int().min(0))]).nullish(),
  layers_pattern: z.union([z.string(), names]).nullish(),
  modules_to_save: names.nullish(),
  bias: z.enum(['none', 'all', 'lora_only']).default('none'),
});

export interface PeftPlacement {
  readonly peft_type: string;
  readonly target_modules: string | readonly string[] | null;
  readonly exclude_modules: string | readonly string[] | null;
  readonly layers_to_transform: readonly number[] | null;
  readonly layers_pattern: readonly string[];
  readonly modules_to_save: readonly string[];
  readonly bias: 'none' | 'all' | 'lora_only';
}

/** Keys that say where a method is put, and keys that change no number. */
export const placementKeys: readonly string[] = Object.keys(placement.shape);
export const passiveKeys: readonly string[] = [
  'auto_mapping',
  'base_model_name_or_path',
  'fan_in_fan_out',
  'inference_mode',
  'peft_version',
  'revision',
  'task_type',
];

/** Reads the placement out of a parsed `adapter_config.json`. Throws `invalid-config`, naming each fault. */
export function parsePlacement(json: unknown): PeftPlacement & Readonly<Record<string, unknown>> {
  const result = placement.safeParse(json);
  if (!result.success) {
    throw new LorikeetError('invalid-config', 'adapter_config.json is not valid', {
      received: result.error.issues
        .map(({ path, message }) => `${path.join('.') || 'config'}: ${message}`)
        .join('; '),
    });
  }
  const {
    target_modules = null,
    exclude_modules = null,
    layers_to_transform,
    layers_pattern,
    modules_to_save,
    ...rest
  } = result.data;
  const layers = layers_to_transform ?? null;
  if (typeof target_modules === 'string' && target_modules !== 'all-linear' && layers !== null) {
    throw new LorikeetError(
      'invalid-config',
      'layers_to_transform cannot stand beside a target_modules that is a pattern',
      { hint: 'put the layers into the pattern' },
    );
  }
  return {
    ...rest,
    target_modules,
    exclude_modules,
    layers_to_transform: typeof layers === 'number' ? [layers] : layers,
    layers_pattern: typeof layers_pattern === 'string' ? [layers_pattern] : (layers_pattern ?? []),
    modules_to_save: modules_to_save ?? [],
  };
}
