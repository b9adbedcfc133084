import { Dropout } from '@lorikeet/nn';
import { foldIn, type Tensor, zeros } from '@lorikeet/tensor-core';
import type { HeadDesign } from '../../heads/headedModel.ts';
import type { HeadLayer, HeadStep } from '../../heads/headStep.ts';
import { labelCount } from '../../heads/labelFields.ts';
import { choiceTask, spanTask, type Task, textTask, tokenTask } from '../../heads/task.ts';
import { headLinear } from '../../heads/textHeads.ts';
import type { ModernBertConfig } from './config.ts';
import { modernBertNorm } from './layer.ts';

/** A layer and a norm, which all heads begin with. */
function firstParts(config: ModernBertConfig, key: Tensor): Record<string, HeadLayer> {
  const { hidden_size: width, classifier_bias: bias } = config;
  return {
    'head.dense': headLinear(config, [width, width], foldIn(key, 'head'), bias),
    'head.norm': modernBertNorm(config),
  };
}

function firstSteps({ classifier_activation: activation }: ModernBertConfig): HeadStep[] {
  return [{ layer: 'head.dense' }, { activation }, { layer: 'head.norm' }];
}

function classifying(
  task: Task,
  outputs: (config: ModernBertConfig) => number,
  isPooled: boolean,
): HeadDesign<ModernBertConfig> {
  return {
    task,
    parts: (config, key) => ({
      ...firstParts(config, key),
      drop: new Dropout(config.classifier_dropout),
      classifier: headLinear(
        config,
        [config.hidden_size, outputs(config)],
        foldIn(key, 'classifier'),
      ),
    }),
    steps: (config) => {
      const isMean = config.classifier_pooling === 'mean';
      const pooling: HeadStep = { take: isMean ? 'mean of tokens' : 'first token' };
      return [
        ...(isPooled ? [pooling] : []),
        ...firstSteps(config),
        { layer: 'drop' },
        { layer: 'classifier' },
      ];
    },
  };
}

export const modernTextHead: HeadDesign<ModernBertConfig> = classifying(textTask, labelCount, true);
export const modernChoiceHead: HeadDesign<ModernBertConfig> = classifying(
  choiceTask,
  () => 1,
  true,
);
export const modernTokenHead: HeadDesign<ModernBertConfig> = classifying(
  tokenTask,
  labelCount,
  false,
);
export const modernSpanHead: HeadDesign<ModernBertConfig> = classifying(spanTask, () => 2, false);

/** The words that were masked. */
export const modernWordHead: HeadDesign<ModernBertConfig> = {
  task: tokenTask,
  parts: (config, key) => {
    const { hidden_size, vocab_size, decoder_bias: hasBias } = config;
    const first = firstParts(config, key);
    if (!config.tie_word_embeddings) {
      const own = foldIn(key, 'decoder');
      return { ...first, decoder: headLinear(config, [hidden_size, vocab_size], own, hasBias) };
    }
    return hasBias ? { ...first, 'decoder.bias': zeros([vocab_size]) } : first;
  },
  steps: (config) => {
    const bias = config.decoder_bias ? { bias: 'decoder.bias' } : {};
    const out: HeadStep = config.tie_word_embeddings
      ? { words: 'model.embeddings.tok_embeddings', decoder: 'decoder', ...bias }
      : { layer: 'decoder' };
    return [...firstSteps(config), out];
  },
};
