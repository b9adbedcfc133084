import { Dropout } from '@lorikeet/nn';
import { foldIn } from '@lorikeet/tensor-core';
import type { HeadDesign } from '../../heads/headedModel.ts';
import { labelCount } from '../../heads/labelFields.ts';
import { replacedTask, textTask } from '../../heads/task.ts';
import { choiceHead, headLinear, maskedHead } from '../../heads/textHeads.ts';
import type { ElectraConfig } from './config.ts';

/** Rate of dropout in heads. */
export function headRate({ classifier_dropout, hidden_dropout_prob }: ElectraConfig): number {
  return classifier_dropout ?? hidden_dropout_prob;
}

/** Two layers on the first token. */
export const electraTextHead: HeadDesign<ElectraConfig> = {
  task: textTask,
  parts: (config, key) => {
    const { hidden_size: width } = config;
    return {
      'classifier.dense': headLinear(config, [width, width], foldIn(key, 'dense')),
      'classifier.dropout': new Dropout(headRate(config)),
      'classifier.out_proj': headLinear(
        config,
        [width, labelCount(config)],
        foldIn(key, 'out_proj'),
      ),
    };
  },
  steps: () => [
    { take: 'first token' },
    { layer: 'classifier.dropout' },
    { layer: 'classifier.dense' },
    { activation: 'gelu' },
    { layer: 'classifier.dropout' },
    { layer: 'classifier.out_proj' },
  ],
};

export const electraChoiceHead: HeadDesign<ElectraConfig> = choiceHead(
  {
    parts: (config, key) =>
      config.summary_use_proj
        ? {
            'sequence_summary.summary': headLinear(
              config,
              [config.hidden_size, config.hidden_size],
              foldIn(key, 'summary'),
            ),
          }
        : {},
    steps: ({ summary_use_proj, summary_activation }) => [
      { take: 'first token' },
      ...(summary_use_proj ? [{ layer: 'sequence_summary.summary' }] : []),
      ...(summary_activation === null ? [] : [{ activation: summary_activation }]),
    ],
  },
  ({ summary_last_dropout }) => summary_last_dropout,
);

/** Whether each token was replaced: what the family is trained for. */
export const electraReplacedHead: HeadDesign<ElectraConfig> = {
  task: replacedTask,
  parts: (config, key) => {
    const { hidden_size: width } = config;
    const linear = (outputs: number, name: string) =>
      headLinear(config, [width, outputs], foldIn(key, name));
    return {
      'discriminator_predictions.dense': linear(width, 'dense'),
      'discriminator_predictions.dense_prediction': linear(1, 'dense_prediction'),
    };
  },
  steps: ({ hidden_act: activation }) => [
    { layer: 'discriminator_predictions.dense' },
    { activation },
    { layer: 'discriminator_predictions.dense_prediction' },
  ],
};

/** The words that were masked: the generator. */
export const electraWordHead: HeadDesign<ElectraConfig> = maskedHead({
  paths: () => ({
    dense: 'generator_predictions.dense',
    norm: 'generator_predictions.LayerNorm',
    decoder: 'generator_lm_head',
    bias: 'generator_lm_head.bias',
    words: 'electra.embeddings.word_embeddings',
  }),
  activation: () => 'gelu',
  sizes: ({ hidden_size: hidden, embedding_size: words, layer_norm_eps: epsilon }) => ({
    hidden,
    words,
    epsilon,
  }),
});
