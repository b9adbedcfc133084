import { defineFamily, type ModelFamily } from '../../family.ts';
import { BartForConditionalGeneration, BartModel } from '../bart/bart.ts';
import { BartForCausalLM } from '../bart/causal.ts';
import { type BartConfig, bartSchemaWith } from '../bart/config.ts';
import { besideDecoder, sharedWords, unusedWithoutEncoder } from '../bart/names.ts';
import type { BartDesign } from '../bart/stack.ts';

const design: BartDesign = { positions: 'waves', normsWords: false };
/** Positions are no parameters, although some files hold them. */
const positions = /(^|\.)embed_positions\.weight$/;

/** BART whose positions are waves, trained to translate. Junczys-Dowmunt et al. 2018, https://arxiv.org/abs/1804.00344 */
export const marian: ModelFamily = defineFamily<BartConfig>({
  modelType: 'marian',
  schema: bartSchemaWith({
    vocab_size: 58101,
    pad_token_id: 58100,
    eos_token_id: 0,
    decoder_start_token_id: 58100,
  }),
  base: 'model',
  ignored: positions,
  standIns: sharedWords,
  architectures: {
    MarianModel: {
      init: (config, key) => BartModel.init(config, design, key),
      ignored: /^(final_logits_bias|lm_head\.weight)$/,
    },
    MarianMTModel: {
      init: (config, key) => BartForConditionalGeneration.init(config, design, key),
      optional: /^final_logits_bias$/,
      frozen: /^final_logits_bias$/,
    },
    MarianForCausalLM: {
      init: (config, key) => BartForCausalLM.init(config, design, key),
      ignored: besideDecoder,
      frozen: unusedWithoutEncoder,
    },
  },
});
