import { type RotaryFrequencies, rotaryFrequencies } from '@lorikeet/nn';
import { LorikeetError } from '@lorikeet/tensor-core';
import { headSize, type LlamaLikeConfig } from './config.ts';

/**
 * How fast the heads of a model turn with the position, from a config of transformers 4 or 5.
 *
 * @throws LorikeetError `unsupported` for a kind of scaling that is not built.
 */
export function ropeOf(config: LlamaLikeConfig): RotaryFrequencies {
  const field = config.rope_parameters ? 'rope_parameters' : 'rope_scaling';
  const rope = config[field] ?? {};
  const kind = rope.rope_type ?? rope.type ?? 'default';
  if (kind !== 'default') {
    throw new LorikeetError('unsupported', `the scaling '${kind}' of rotary positions`, {
      path: `${field}.rope_type`,
      expected: 'default',
      received: kind,
    });
  }
  const theta = rope.rope_theta ?? config.rope_theta;
  return rotaryFrequencies({
    dimension: headSize(config),
    ...(theta === undefined ? {} : { theta }),
  });
}
