import { nearestOf } from '@lorikeet/nn';
import { LorikeetError } from '@lorikeet/tensor-core';
import type { z } from 'zod';
import { trialShape, tuningShape } from './finetuneFields.ts';
import type { TrialConfig } from './trials.ts';

const shape: Readonly<Record<string, z.ZodType>> = { ...trialShape, ...tuningShape };

/**
 * A training with some fields changed.
 *
 * @param place where the changes are from, for errors.
 * @throws LorikeetError `invalid-config` for a field that a training has not, or that has no such value.
 */
export function withSettings<Config extends TrialConfig>(
  config: Config,
  changes: Readonly<Record<string, unknown>>,
  place: string,
): Config {
  for (const [name, value] of Object.entries(changes)) {
    const result = Object.hasOwn(shape, name) ? shape[name]?.safeParse(value) : undefined;
    if (result?.success === true) continue;
    throw new LorikeetError('invalid-config', 'a training has no such setting', {
      path: `${place}.${name}`,
      received: JSON.stringify(value),
      ...(result === undefined
        ? { hint: nearestOf(name, Object.keys(shape)) }
        : { expected: result.error.issues[0]?.message ?? 'another value' }),
    });
  }
  return { ...config, ...changes };
}
