import type { Tensor } from '@lorikeet/tensor-core';
import { defineFamily, type ModelFamily } from '../../family.ts';
import { headed } from '../../heads/headedModel.ts';
import { choiceHead, maskedHead, spanHead, textHead, tokenHead } from '../../heads/textHeads.ts';
import { AlbertModel } from './albertModel.ts';
import { type AlbertConfig, albertSchema } from './config.ts';

const field = 'albert';
const pooled = (config: AlbertConfig, key: Tensor): AlbertModel => AlbertModel.init(config, key);
const plain = (config: AlbertConfig, key: Tensor): AlbertModel =>
  AlbertModel.init(config, key, false);
/** Of a base model saved with its pooler, which these heads do not use. */
const ignored = /(^|\.)pooler\.(weight|bias)$/;
const rate = ({ classifier_dropout_prob }: AlbertConfig): number => classifier_dropout_prob;

const words = maskedHead<AlbertConfig>({
  paths: () => ({
    dense: 'predictions.dense',
    norm: 'predictions.LayerNorm',
    decoder: 'predictions.decoder',
    bias: 'predictions.bias',
    words: `${field}.embeddings.word_embeddings`,
  }),
  activation: ({ hidden_act }) => hidden_act,
  sizes: ({ hidden_size: hidden, embedding_size: words, layer_norm_eps: epsilon }) => ({
    hidden,
    words,
    epsilon,
  }),
});

/** Lan et al. 2020, https://arxiv.org/abs/1909.11942 */
export const albert: ModelFamily = defineFamily<AlbertConfig>({
  modelType: 'albert',
  schema: albertSchema,
  base: field,
  ignored: /(^|\.)embeddings\.position_ids$/,
  architectures: {
    AlbertModel: { init: pooled },
    AlbertForSequenceClassification: headed(field, pooled, textHead({ pooled: true }, rate)),
    AlbertForMultipleChoice: headed(field, pooled, choiceHead({ pooled: true }, rate)),
    AlbertForTokenClassification: headed(field, plain, tokenHead(rate), ignored),
    AlbertForQuestionAnswering: headed(field, plain, spanHead(), ignored),
    AlbertForMaskedLM: headed(
      field,
      plain,
      words,
      /(^|\.)pooler\.(weight|bias)$|^predictions\.bias$/,
    ),
  },
});

export { type AlbertConfig, AlbertModel };
