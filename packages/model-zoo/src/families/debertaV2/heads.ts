import { Dropout } from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import type { Architecture } from '../../family.ts';
import { type BaseModel, headed } from '../../heads/headedModel.ts';
import {
  choiceHead,
  headLinear,
  maskedHead,
  type Pooling,
  spanHead,
  textHead,
  tokenHead,
} from '../../heads/textHeads.ts';
import type { DebertaConfig } from './config.ts';

const field = 'deberta';
/** What checkpoints of the masked language model, or of its training, have besides. */
const ignored = /(^|\.)(lm|mask)_predictions\./;

const firstToken: Pooling<DebertaConfig> = {
  parts: (config, key) => {
    const width = config.pooler_hidden_size ?? config.hidden_size;
    return {
      'pooler.dense': headLinear(config, [width, width], foldIn(key, 'pooler')),
      'pooler.dropout': new Dropout(config.pooler_dropout),
    };
  },
  steps: ({ pooler_hidden_act: activation }) => [
    { take: 'first token' },
    { layer: 'pooler.dropout' },
    { layer: 'pooler.dense' },
    { activation },
  ],
};

const headRate = (config: DebertaConfig): number =>
  config.cls_dropout ?? config.hidden_dropout_prob;

const words = maskedHead<DebertaConfig>({
  paths: ({ legacy }) => ({
    ...(legacy
      ? {
          dense: 'cls.predictions.transform.dense',
          norm: 'cls.predictions.transform.LayerNorm',
          decoder: 'cls.predictions.decoder',
          bias: 'cls.predictions.bias',
        }
      : {
          dense: 'lm_predictions.lm_head.dense',
          norm: 'lm_predictions.lm_head.LayerNorm',
          decoder: 'lm_predictions.lm_head',
          bias: 'lm_predictions.lm_head.bias',
        }),
    words: `${field}.embeddings.word_embeddings`,
  }),
  activation: ({ hidden_act }) => hidden_act,
  sizes: ({ hidden_size: hidden, embedding_size, layer_norm_eps: epsilon }) => ({
    hidden,
    words: embedding_size ?? hidden,
    epsilon,
  }),
  alwaysTied: ({ legacy }) => !legacy,
});

/** One of several answers to a question, which the first version has no class for. */
export function debertaChoice<Config extends DebertaConfig>(
  init: (config: Config, key: Tensor) => BaseModel,
): Architecture<Config> {
  return headed(field, init, choiceHead(firstToken, headRate), ignored);
}

/** The classes that transformers has for every version of DeBERTa. */
export function debertaArchitectures<Config extends DebertaConfig>(
  prefix: string,
  init: (config: Config, key: Tensor) => BaseModel,
): Record<string, Architecture<Config>> {
  return {
    [`${prefix}Model`]: { init, ignored },
    [`${prefix}ForSequenceClassification`]: headed(
      field,
      init,
      textHead(firstToken, headRate),
      ignored,
    ),
    [`${prefix}ForTokenClassification`]: headed(
      field,
      init,
      tokenHead((config) => config.hidden_dropout_prob),
      ignored,
    ),
    [`${prefix}ForQuestionAnswering`]: headed(field, init, spanHead(), ignored),
    [`${prefix}ForMaskedLM`]: headed(
      field,
      init,
      words,
      /(^|\.)(lm|mask)_predictions\.|^cls\.predictions\.bias$/,
    ),
  };
}
