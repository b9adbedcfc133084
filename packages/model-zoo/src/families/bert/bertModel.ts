import type { Context, Linear } from '@lorikeet/nn';
import { foldIn, reshape, sliceAxis, type Tensor, tanh } from '@lorikeet/tensor-core';
import { keyMask } from '../../attentionMask.ts';
import type { ModelInputs } from '../../model.ts';
import type { BertConfig } from './config.ts';
import { BertEmbeddings } from './embeddings.ts';
import { BertLayer, bertLinear } from './layer.ts';

class BertEncoder {
  readonly layer: readonly BertLayer[];

  constructor(layer: readonly BertLayer[]) {
    this.layer = layer;
  }

  /** @param x [B, T, D]; the result is one such tensor for the input and for each layer. */
  call(x: Tensor, mask: Tensor | undefined, context: Context): Tensor[] {
    const states = [x];
    let state = x;
    for (const [i, layer] of this.layer.entries()) {
      state = layer.call(state, mask, context.child(i));
      states.push(state);
    }
    return states;
  }
}

class BertPooler {
  readonly dense: Linear;

  constructor(dense: Linear) {
    this.dense = dense;
  }

  /** @param x [B, T, D]; the result, from the first token, is [B, D]. */
  call(x: Tensor, context: Context): Tensor {
    const [batch = 0, , width = 0] = x.shape;
    return tanh(
      this.dense.call(reshape(sliceAxis(x, 1, 0, 1), [batch, width]), context.child('dense')),
    );
  }
}

/** BERT without a head. Devlin et al. 2019, https://arxiv.org/abs/1810.04805 */
export class BertModel {
  readonly embeddings: BertEmbeddings;
  readonly encoder: BertEncoder;
  readonly pooler: BertPooler | null;

  constructor(embeddings: BertEmbeddings, encoder: BertEncoder, pooler: BertPooler | null) {
    this.embeddings = embeddings;
    this.encoder = encoder;
    this.pooler = pooler;
  }

  static init(config: BertConfig, key: Tensor, options: { readonly pooler: boolean }): BertModel {
    const layers = Array.from({ length: config.num_hidden_layers }, (_, i) =>
      BertLayer.init(config, foldIn(key, i)),
    );
    const pooler = options.pooler
      ? new BertPooler(
          bertLinear(config, config.hidden_size, config.hidden_size, foldIn(key, 'pooler')),
        )
      : null;
    return new BertModel(
      BertEmbeddings.init(config, foldIn(key, 'embeddings')),
      new BertEncoder(layers),
      pooler,
    );
  }

  /** @returns hidden states [B, T, D], the last one again, and what the pooler makes of it [B, D]. */
  call(
    inputs: ModelInputs,
    context: Context,
  ): { hidden_states: Tensor[]; last: Tensor; pooled: Tensor | undefined } {
    const embedded = this.embeddings.call(inputs, context.child('embeddings'));
    const hidden_states = this.encoder.call(
      embedded,
      keyMask(inputs.attention_mask),
      context.child('encoder'),
    );
    const last = hidden_states.at(-1) ?? embedded;
    return { hidden_states, last, pooled: this.pooler?.call(last, context.child('pooler')) };
  }
}
