import { type RotaryFrequencies, type RotaryScaling, rotaryFrequencies } from '@lorikeet/nn';
import { LorikeetError } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { type RopeConfig, type RopeFields, rotaryDimension } from './config.ts';

const positive = z.number().positive();
const optional = positive.nullish().transform((value) => value ?? undefined);

/** The fields of each kind of scaling, under Hugging Face's names. */
const kinds = {
  linear: z.looseObject({ factor: positive }),
  dynamic: z.looseObject({ factor: positive }),
  yarn: z.looseObject({
    factor: optional,
    original_max_position_embeddings: optional,
    attention_factor: optional,
    beta_fast: optional,
    beta_slow: optional,
    mscale: z.number().nullish(),
    mscale_all_dim: z.number().nullish(),
    truncate: z.boolean().optional(),
  }),
  longrope: z.looseObject({
    short_factor: z.array(positive),
    long_factor: z.array(positive),
    factor: optional,
    original_max_position_embeddings: optional,
    attention_factor: optional,
  }),
  llama3: z.looseObject({
    factor: positive,
    low_freq_factor: positive,
    high_freq_factor: positive,
    original_max_position_embeddings: optional,
  }),
};

/**
 * How fast the heads of a model turn with the position, from a config of transformers 4 or 5.
 *
 * @param kindOf another name for a kind, where a family had one.
 * @throws LorikeetError `unsupported` for a kind of scaling that is not built, `invalid-config` where a field of it is missing.
 */
export function ropeOf(
  config: RopeConfig,
  kindOf: (kind: string) => string = (kind) => kind,
): RotaryFrequencies {
  const field = config.rope_parameters ? 'rope_parameters' : 'rope_scaling';
  const rope = config[field] ?? {};
  const theta = rope.rope_theta ?? config.rope_theta;
  const kind = kindOf(rope.rope_type ?? rope.type ?? 'default');
  const scaling = kind === 'default' ? undefined : scalingOf(config, { field, kind, rope });
  return rotaryFrequencies({
    dimension: rotaryDimension(config),
    scaling,
    ...(theta === undefined ? {} : { theta }),
  });
}

interface FoundRope {
  readonly field: string;
  readonly kind: string;
  readonly rope: RopeFields;
}

function scalingOf(config: RopeConfig, { field, kind, rope }: FoundRope): RotaryScaling {
  const read = <T>(schema: z.ZodType<T>): T => {
    const result = schema.safeParse(rope);
    if (result.success) return result.data;
    throw new LorikeetError('invalid-config', `the scaling '${kind}' of rotary positions`, {
      path: field,
      received: result.error.issues
        .map(({ path, message }) => `${path.join('.')}: ${message}`)
        .join('; '),
    });
  };
  const most = config.max_position_embeddings;
  const trainedOn = (own: number | undefined): number =>
    config.original_max_position_embeddings ?? own ?? most;
  switch (kind) {
    case 'linear':
      return { kind, ...read(kinds.linear) };
    case 'dynamic':
      return { kind, factor: read(kinds.dynamic).factor, length: most };
    case 'yarn': {
      const fields = read(kinds.yarn);
      const length = trainedOn(fields.original_max_position_embeddings);
      const { mscale, mscale_all_dim: all } = fields;
      return {
        kind,
        length,
        factor: fields.factor ?? most / length,
        magnitude: fields.attention_factor,
        fastTurns: fields.beta_fast,
        slowTurns: fields.beta_slow,
        weights: mscale && all ? [mscale, all] : undefined,
        truncate: fields.truncate,
      };
    }
    case 'longrope': {
      const fields = read(kinds.longrope);
      const length = trainedOn(fields.original_max_position_embeddings);
      const pairs = rotaryDimension(config) / 2;
      if (fields.short_factor.length !== pairs || fields.long_factor.length !== pairs) {
        throw new LorikeetError('invalid-config', `the scaling '${kind}' of rotary positions`, {
          path: `${field}.long_factor`,
          expected: `${pairs} numbers, and as many in short_factor`,
          received: `${fields.long_factor.length} and ${fields.short_factor.length}`,
        });
      }
      return {
        kind,
        length,
        short: fields.short_factor,
        long: fields.long_factor,
        factor: fields.factor ?? most / length,
        magnitude: fields.attention_factor,
      };
    }
    case 'llama3': {
      const fields = read(kinds.llama3);
      return {
        kind,
        factor: fields.factor,
        lowFrequencyFactor: fields.low_freq_factor,
        highFrequencyFactor: fields.high_freq_factor,
        length: trainedOn(fields.original_max_position_embeddings),
      };
    }
    default:
      throw new LorikeetError('unsupported', `the scaling '${kind}' of rotary positions`, {
        path: `${field}.rope_type`,
        expected: `default, ${Object.keys(kinds).join(', ')}`,
        received: kind,
      });
  }
}
