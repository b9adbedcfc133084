import type { Linear } from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { endOfTextHead } from '../../heads/endOfTextHead.ts';
import type { HeadDesign } from '../../heads/headedModel.ts';
import { spanTask } from '../../heads/task.ts';
import { headLinear } from '../../heads/textHeads.ts';
import type { BartConfig } from './config.ts';

function linear({ init_std }: BartConfig, from: number, to: number, key: Tensor): Linear {
  return headLinear({ initializer_range: init_std }, [from, to], key);
}

/** A class, or numbers, for a whole text, from the last token of the decoder that ends a text. */
export const bartTextHead: HeadDesign<BartConfig> = endOfTextHead(linear, 3);

/** The first and the last token of an answer in the text. */
export const bartSpanHead: HeadDesign<BartConfig> = {
  task: spanTask,
  parts: (config, key) => ({
    qa_outputs: linear(config, config.d_model, 2, foldIn(key, 'qa_outputs')),
  }),
  steps: () => [{ layer: 'qa_outputs' }],
};
