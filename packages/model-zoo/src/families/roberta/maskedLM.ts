import {
  activation,
  type Context,
  contract,
  LayerNorm,
  type Linear,
  materialize,
  type TiesWeights,
  tiedPart,
  type Weight,
} from '@lorikeet/nn';
import { crossEntropy, foldIn, LorikeetError, type Tensor, zeros } from '@lorikeet/tensor-core';
import type { ModelInputs, ModelOutputs } from '../../model.ts';
import type { BertModel } from '../bert/bertModel.ts';
import { bertLinear } from '../bert/layer.ts';
import type { RobertaConfig } from './config.ts';
import { initRobertaBase } from './roberta.ts';
import { OnRoberta } from './robertaModel.ts';

class RobertaLMHead {
  readonly dense: Linear;
  readonly layer_norm: LayerNorm;
  /** [V] */
  readonly bias: Weight;

  constructor(dense: Linear, norm: LayerNorm, bias: Weight) {
    this.dense = dense;
    this.layer_norm = norm;
    this.bias = bias;
  }

  /** @param x [B, T, D] @param words [V, D], tied; the result is [B, T, V]. */
  call(x: Tensor, words: Weight, context: Context): Tensor {
    const dense = activation('gelu')(context.call('dense', this.dense, x));
    const normalized = context.call('layer_norm', this.layer_norm, dense);
    const scores = contract(normalized, words, { inputAxis: 1 }, context.child('decoder'));
    return scores.add(materialize(this.bias));
  }
}

/** The words that were masked. The output layer is the word embedding. */
export class RobertaForMaskedLM extends OnRoberta implements TiesWeights {
  readonly lm_head: RobertaLMHead;

  constructor(roberta: BertModel, head: RobertaLMHead, config: RobertaConfig) {
    super(roberta, config);
    this.lm_head = head;
  }

  static init(config: RobertaConfig, key: Tensor): RobertaForMaskedLM {
    const { hidden_size: width, layer_norm_eps, tie_word_embeddings, vocab_size } = config;
    if (!tie_word_embeddings) {
      throw new LorikeetError('unsupported', 'an output layer that is not tied to its embedding', {
        path: 'tie_word_embeddings',
        expected: 'true',
        received: 'false',
      });
    }
    const head = new RobertaLMHead(
      bertLinear(config, width, width, foldIn(key, 'lm_head')),
      LayerNorm.init(width, layer_norm_eps),
      zeros([vocab_size]),
    );
    return new RobertaForMaskedLM(initRobertaBase(config, key), head, config);
  }

  get tiedWeights(): Readonly<Record<string, string>> {
    return {
      'lm_head.decoder.weight': 'roberta.embeddings.word_embeddings.weight',
      'lm_head.decoder.bias': 'lm_head.bias',
    };
  }

  protected get labelled(): 'tokens' | 'rows' {
    return 'tokens';
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const { hidden_states, last_hidden_state } = context.call('roberta', this.roberta, inputs);
    // Tied to the table itself, and to those of its adapters that say so: see docs/decisions/0010.
    const words = tiedPart(this.roberta.embeddings.word_embeddings.weight);
    const logits = context.call('lm_head', this.lm_head, last_hidden_state, words); // [B, T, V]
    return {
      logits,
      hidden_states,
      ...(inputs.labels === undefined ? {} : { loss: crossEntropy(logits, inputs.labels) }),
    };
  }
}
