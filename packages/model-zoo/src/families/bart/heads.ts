import { Dropout, type Linear } from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import type { HeadDesign } from '../../heads/headedModel.ts';
import { labelCount } from '../../heads/labelFields.ts';
import { spanTask, textTask } from '../../heads/task.ts';
import { headLinear } from '../../heads/textHeads.ts';
import type { BartConfig } from './config.ts';

function linear({ init_std }: BartConfig, from: number, to: number, key: Tensor): Linear {
  return headLinear({ initializer_range: init_std }, [from, to], key);
}

/** A class, or numbers, for a whole text, from the last token of the decoder that ends a text. */
export const bartTextHead: HeadDesign<BartConfig> = {
  task: textTask,
  parts: (config, key) => ({
    'classification_head.dense': linear(
      config,
      config.d_model,
      config.d_model,
      foldIn(key, 'dense'),
    ),
    'classification_head.dropout': new Dropout(config.classifier_dropout),
    'classification_head.out_proj': linear(
      config,
      config.d_model,
      labelCount({ num_labels: 3, ...config }),
      foldIn(key, 'out_proj'),
    ),
  }),
  steps: ({ eos_token_id }) => [
    { takeLast: eos_token_id },
    { layer: 'classification_head.dropout' },
    { layer: 'classification_head.dense' },
    { activation: 'tanh' },
    { layer: 'classification_head.dropout' },
    { layer: 'classification_head.out_proj' },
  ],
};

/** The first and the last token of an answer in the text. */
export const bartSpanHead: HeadDesign<BartConfig> = {
  task: spanTask,
  parts: (config, key) => ({
    qa_outputs: linear(config, config.d_model, 2, foldIn(key, 'qa_outputs')),
  }),
  steps: () => [{ layer: 'qa_outputs' }],
};
