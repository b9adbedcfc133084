import { Dropout, type Linear } from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import type { HeadDesign } from './headedModel.ts';
import { type LabelFields, labelCount } from './labelFields.ts';
import { textTask } from './task.ts';

interface EndOfTextConfig extends LabelFields {
  readonly d_model: number;
  readonly classifier_dropout: number;
  readonly eos_token_id: number;
}

/**
 * A class, or numbers, for a whole text, from the last token of the decoder that ends a text.
 *
 * @param linear a new layer of the family.
 * @param classes how many there are if the config does not say.
 */
export function endOfTextHead<Config extends EndOfTextConfig>(
  linear: (config: Config, from: number, to: number, key: Tensor) => Linear,
  classes: number,
): HeadDesign<Config> {
  return {
    task: textTask,
    parts: (config, key) => {
      const { d_model: width, classifier_dropout, id2label, num_labels = classes } = config;
      const count = labelCount({ id2label, num_labels });
      return {
        'classification_head.dense': linear(config, width, width, foldIn(key, 'dense')),
        'classification_head.dropout': new Dropout(classifier_dropout),
        'classification_head.out_proj': linear(config, width, count, foldIn(key, 'out_proj')),
      };
    },
    steps: ({ eos_token_id }) => [
      { takeLast: eos_token_id },
      { layer: 'classification_head.dropout' },
      { layer: 'classification_head.dense' },
      { activation: 'tanh' },
      { layer: 'classification_head.dropout' },
      { layer: 'classification_head.out_proj' },
    ],
  };
}
