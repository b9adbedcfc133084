import type { GenerationConfig, readGenerationConfig } from '@lorikeet/model-zoo';
import type { Command } from 'commander';
import { integerOption, partOption, positiveOption } from './options.ts';

/** Flags of what is generated. */
export interface GenerationFlags {
  readonly maxNewTokens?: number;
  readonly minNewTokens?: number;
  readonly sample?: true;
  readonly seed?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly typicalP?: number;
  readonly repetitionPenalty?: number;
  readonly noRepeatNgram?: number;
  readonly numBeams?: number;
  readonly lengthPenalty?: number;
  readonly earlyStopping?: true;
  readonly penaltyAlpha?: number;
  readonly stop?: readonly string[];
  readonly ignoreEnd?: true;
}

/** A command with the flags. */
export function withGenerationFlags(command: Command): Command {
  return command
    .option('--max-new-tokens <n>', 'tokens to generate at most (default: 100)', integerOption(1))
    .option('--min-new-tokens <n>', 'tokens before the text may end', integerOption(0))
    .option('--sample', 'draw tokens in place of taking the most likely')
    .option(
      '--seed <n>',
      'what random numbers come from; another one each time without it',
      integerOption(0),
    )
    .option('--temperature <x>', 'of sampling: flatter above 1, sharper below', positiveOption)
    .option('--top-k <n>', 'sample among so many tokens, 0 for all (default: 50)', integerOption(0))
    .option('--top-p <x>', 'sample among the fewest tokens that are so likely together', partOption)
    .option('--min-p <x>', 'sample among tokens so likely against the best', partOption)
    .option('--typical-p <x>', 'sample among tokens about as surprising as expected', partOption)
    .option(
      '--repetition-penalty <x>',
      'above 1: what is there becomes less likely',
      positiveOption,
    )
    .option('--no-repeat-ngram <n>', 'no run of so many tokens comes twice', integerOption(1))
    .option('--num-beams <n>', 'beam search with so many beams', integerOption(1))
    .option('--length-penalty <x>', 'of beam search: above 0 for longer texts (default: 1)', Number)
    .option(
      '--early-stopping',
      'end a beam search when as many texts have ended as there are beams',
    )
    .option('--penalty-alpha <x>', 'contrastive search, with --top-k', partOption)
    .option('--stop <text...>', 'end with one of these texts')
    .option('--ignore-end', 'go on behind the token that ends a text');
}

/** The options in flags, over those of the model's own `generation_config.json`. */
export function generationOptions(
  flags: GenerationFlags,
  { config, unknown }: ReturnType<typeof readGenerationConfig>,
): GenerationConfig {
  if (unknown.length > 0)
    console.error(`generation_config.json: not known and left out: ${unknown.join(', ')}`);
  const given: GenerationConfig = {
    max_new_tokens: flags.maxNewTokens,
    min_new_tokens: flags.minNewTokens,
    do_sample: flags.sample,
    temperature: flags.temperature,
    top_k: flags.topK,
    top_p: flags.topP,
    min_p: flags.minP,
    typical_p: flags.typicalP,
    repetition_penalty: flags.repetitionPenalty,
    no_repeat_ngram_size: flags.noRepeatNgram,
    num_beams: flags.numBeams,
    length_penalty: flags.lengthPenalty,
    early_stopping: flags.earlyStopping,
    penalty_alpha: flags.penaltyAlpha,
    stop_strings: flags.stop,
  };
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return {
    ...(config.max_length == null ? { max_new_tokens: 100 } : {}),
    ...config,
    ...Object.fromEntries(set),
    ...(flags.ignoreEnd ? { eos_token_id: null } : {}),
  };
}
