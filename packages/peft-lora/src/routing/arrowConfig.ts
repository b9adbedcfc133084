import { LorikeetError } from '@lorikeet/tensor-core';
import { z } from 'zod';
import type { ArrowOptions } from './arrow.ts';

const names = z.array(z.string());

const schema = z.object({
  top_k: z.int().positive().default(3),
  router_temperature: z.number().positive().default(1),
  use_gks: z.boolean().default(false),
  task_adapter_names: names.nullish(),
  gks_adapter_names: names.nullish(),
  rng_seed: z.int().nullish(),
});

/** What PEFT's `arrow_config` says, for `arrow`. */
export interface ArrowSettings extends Required<ArrowOptions> {
  /** Adapters of tasks, in PEFT's order; `null` where the file does not name them. */
  readonly tasks: readonly string[] | null;
}

/**
 * Reads the `arrow_config` of an `adapter_config.json`. The adapters that it names have files of their own.
 *
 * @throws LorikeetError `invalid-config`, naming each fault.
 * @example
 * const { tasks, ...options } = readArrowConfig(json.arrow_config);
 * const routed = arrow(tuned, options);
 */
export function readArrowConfig(value: unknown): ArrowSettings {
  const result = schema.safeParse(value);
  if (!result.success) {
    const faults = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new LorikeetError('invalid-config', 'the arrow_config cannot be read', {
      expected: Object.keys(schema.shape).join(', '),
      received: faults.join('; '),
    });
  }
  const { top_k, router_temperature, use_gks, task_adapter_names, gks_adapter_names } = result.data;
  return {
    topK: top_k,
    temperature: router_temperature,
    general: use_gks ? (gks_adapter_names ?? []) : [],
    tasks: task_adapter_names ?? null,
  };
}

/** The `arrow_config` for these options and adapters of tasks. */
export function writeArrowConfig({
  topK = 3,
  temperature = 1,
  general = [],
  tasks = null,
}: ArrowOptions & { readonly tasks?: readonly string[] | null } = {}): Record<string, unknown> {
  return {
    gks_adapter_names: general.length === 0 ? null : general,
    rng_seed: null,
    router_temperature: temperature,
    task_adapter_names: tasks,
    top_k: topK,
    use_gks: general.length > 0,
  };
}
