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
import type { DistilBertConfig } from './config.ts';
import type { DistilBertModel } from './distilBertModel.ts';
import { distilBertLinear, normEpsilon } from './layer.ts';
import { initDistilBert, OnDistilBert } from './onDistilBert.ts';

interface LanguageHead {
  readonly vocab_transform: Linear;
  readonly vocab_layer_norm: LayerNorm;
  /** [V] */
  readonly bias: Weight;
}

/** The words that were masked. The output layer is the word embedding. */
export class DistilBertForMaskedLM extends OnDistilBert implements TiesWeights {
  readonly vocab_transform: Linear;
  readonly vocab_layer_norm: LayerNorm;
  readonly vocab_projector: { readonly bias: Weight };

  constructor(distilbert: DistilBertModel, head: LanguageHead, config: DistilBertConfig) {
    super(distilbert, config);
    this.vocab_transform = head.vocab_transform;
    this.vocab_layer_norm = head.vocab_layer_norm;
    this.vocab_projector = { bias: head.bias };
  }

  static init(config: DistilBertConfig, key: Tensor): DistilBertForMaskedLM {
    const { dim, tie_word_embeddings, vocab_size } = config;
    if (!tie_word_embeddings) {
      throw new LorikeetError('unsupported', 'an output layer that is not tied to its embedding', {
        path: 'tie_word_embeddings',
        expected: 'true',
        received: 'false',
      });
    }
    const head: LanguageHead = {
      vocab_transform: distilBertLinear(config, dim, dim, foldIn(key, 'vocab_transform')),
      vocab_layer_norm: LayerNorm.init(dim, normEpsilon),
      bias: zeros([vocab_size]),
    };
    return new DistilBertForMaskedLM(initDistilBert(config, key), head, config);
  }

  get tiedWeights(): Readonly<Record<string, string>> {
    return { 'vocab_projector.weight': 'distilbert.embeddings.word_embeddings.weight' };
  }

  protected get labelled(): 'tokens' {
    return 'tokens';
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const { hidden_states, last_hidden_state } = context.call(
      'distilbert',
      this.distilbert,
      inputs,
    );
    const act = activation(this.config.activation);
    const dense = act(context.call('vocab_transform', this.vocab_transform, last_hidden_state));
    const normalized = context.call('vocab_layer_norm', this.vocab_layer_norm, dense);
    // Tied to the table itself, and to those of its adapters that say so: see docs/decisions/0010.
    const words = tiedPart(this.distilbert.embeddings.word_embeddings.weight);
    const projector = context.child('vocab_projector');
    const scores = contract(normalized, words, { inputAxis: 1 }, projector); // [B, T, V]
    const logits = scores.add(materialize(this.vocab_projector.bias));
    return {
      logits,
      hidden_states,
      ...(inputs.labels === undefined ? {} : { loss: crossEntropy(logits, inputs.labels) }),
    };
  }
}
