import { LorikeetError } from '@lorikeet/tensor-core';
import { z } from 'zod';

const count = z.int().positive();
const whole = z.int().min(0);
const ids = z.array(whole);
const oneOrMore = z.union([whole, ids.min(1)]);

/** The fields of a `generation_config.json` that change what is generated, under Hugging Face's names and with its defaults. */
export interface GenerationConfig {
  /** Tokens behind the prompt, or behind the decoder's first. */
  readonly max_new_tokens?: number | null | undefined;
  /** Tokens in all, where `max_new_tokens` is not given: 20 more than there are, without both. */
  readonly max_length?: number | null | undefined;
  readonly min_new_tokens?: number | null | undefined;
  readonly min_length?: number | null | undefined;
  readonly do_sample?: boolean | null | undefined;
  readonly num_beams?: number | null | undefined;
  readonly num_return_sequences?: number | null | undefined;
  readonly temperature?: number | null | undefined;
  /** Defaults to 50 in sampling; 0 is no bound. */
  readonly top_k?: number | null | undefined;
  readonly top_p?: number | null | undefined;
  readonly min_p?: number | null | undefined;
  readonly typical_p?: number | null | undefined;
  readonly repetition_penalty?: number | null | undefined;
  readonly no_repeat_ngram_size?: number | null | undefined;
  readonly bad_words_ids?: readonly (readonly number[])[] | null | undefined;
  readonly suppress_tokens?: readonly number[] | null | undefined;
  readonly begin_suppress_tokens?: readonly number[] | null | undefined;
  readonly forced_bos_token_id?: number | null | undefined;
  readonly forced_eos_token_id?: number | readonly number[] | null | undefined;
  readonly length_penalty?: number | null | undefined;
  readonly early_stopping?: boolean | 'never' | null | undefined;
  readonly penalty_alpha?: number | null | undefined;
  /** Defaults to the model's own; `null` is no end. */
  readonly eos_token_id?: number | readonly number[] | null | undefined;
  readonly pad_token_id?: number | null | undefined;
  readonly stop_strings?: string | readonly string[] | null | undefined;
}

const fields: { readonly [Field in keyof GenerationConfig]-?: z.ZodType<GenerationConfig[Field]> } =
  {
    max_new_tokens: count.nullish(),
    max_length: count.nullish(),
    min_new_tokens: whole.nullish(),
    min_length: whole.nullish(),
    do_sample: z.boolean().nullish(),
    num_beams: count.nullish(),
    num_return_sequences: count.nullish(),
    temperature: z.number().positive().nullish(),
    top_k: whole.nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    min_p: z.number().min(0).max(1).nullish(),
    typical_p: z.number().positive().max(1).nullish(),
    repetition_penalty: z.number().positive().nullish(),
    no_repeat_ngram_size: whole.nullish(),
    bad_words_ids: z.array(ids.min(1)).nullish(),
    suppress_tokens: ids.nullish(),
    begin_suppress_tokens: ids.nullish(),
    forced_bos_token_id: whole.nullish(),
    forced_eos_token_id: oneOrMore.nullish(),
    length_penalty: z.number().nullish(),
    early_stopping: z.union([z.boolean(), z.literal('never')]).nullish(),
    penalty_alpha: z.number().min(0).max(1).nullish(),
    eos_token_id: oneOrMore.nullish(),
    pad_token_id: whole.nullish(),
    stop_strings: z.union([z.string().min(1), z.array(z.string().min(1))]).nullish(),
  };

export const generationSchema: z.ZodType<GenerationConfig> = z.looseObject(fields);

/** Fields that change what is generated and are not built, with the values that change nothing. */
const refused: Readonly<Record<string, readonly unknown[]>> = {
  num_beam_groups: [1],
  diversity_penalty: [0],
  epsilon_cutoff: [0],
  eta_cutoff: [0],
  top_h: [],
  constraints: [],
  force_words_ids: [],
  guidance_scale: [1],
  encoder_repetition_penalty: [1],
  encoder_no_repeat_ngram_size: [0],
  exponential_decay_length_penalty: [],
  sequence_bias: [],
  watermarking_config: [],
  prompt_lookup_num_tokens: [],
  dola_layers: [],
  renormalize_logits: [false],
  remove_invalid_values: [false],
  token_healing: [false],
  max_time: [],
};

/** Fields that say nothing of what is generated, or that the model's own config tells. */
const silent: ReadonlySet<string> = new Set([
  'bos_token_id',
  'decoder_start_token_id',
  'use_cache',
  'cache_implementation',
  'cache_config',
  'low_memory',
  'output_scores',
  'output_logits',
  'output_attentions',
  'output_hidden_states',
  'return_dict_in_generate',
  'transformers_version',
  '_from_model_config',
  'is_assistant',
  'num_assistant_tokens',
  'num_assistant_tokens_schedule',
  'assistant_confidence_threshold',
  'assistant_early_exit',
  'assistant_lookbehind',
  'target_lookbehind',
  'max_matching_ngram_size',
  'prefill_chunk_size',
  'disable_compile',
  'compile_config',
  'generation_kwargs',
]);

/**
 * The options in a `generation_config.json`. Fields that nobody knows are kept, and named.
 *
 * @throws LorikeetError `invalid-config` for a field of another kind, `unsupported` for one that is not built.
 */
export function readGenerationConfig(content: unknown): {
  readonly config: GenerationConfig;
  readonly unknown: readonly string[];
} {
  const result = generationSchema.safeParse(content);
  if (!result.success) {
    throw new LorikeetError('invalid-config', 'generation options that are no such options', {
      received: result.error.issues
        .map(({ path, message }) => `${path.join('.')}: ${message}`)
        .join('; '),
    });
  }
  const config = result.data;
  for (const [field, value] of Object.entries(config)) {
    const idle = refused[field];
    if (idle === undefined || value === null || value === undefined || idle.includes(value))
      continue;
    throw new LorikeetError('unsupported', `generation with ${field}`, {
      path: field,
      expected: ['none', ...idle.map(String)].join(' or '),
      received: JSON.stringify(value),
    });
  }
  const unknown = Object.keys(config).filter(
    (field) => !(field in fields) && !(field in refused) && !silent.has(field),
  );
  return { config, unknown };
}
