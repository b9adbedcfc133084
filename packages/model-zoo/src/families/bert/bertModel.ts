import type { Context, InputSite, KeyValues, Linear, TakesVectors } from '@lorikeet/nn';
import { foldIn, reshape, sliceAxis, type Tensor, tanh } from '@lorikeet/tensor-core';
import { keyMask } from '../../attentionMask.ts';
import type { Model, ModelInputs, ModelOutputs } from '../../model.ts';
import type { BertConfig } from './config.ts';
import { type BertDesign, BertEmbeddings } from './embeddings.ts';
import { BertLayer, bertLinear } from './layer.ts';

/** The layers, one after the other. */
export class BertEncoder {
  readonly layer: readonly BertLayer[];

  constructor(layer: readonly BertLayer[]) {
    this.layer = layer;
  }

  /** @param x [B, T, D]; the result is one such tensor for the input and for each layer. */
  call(
    x: Tensor,
    mask: Tensor | undefined,
    past: readonly KeyValues[] | undefined,
    context: Context,
  ): Tensor[] {
    const states = [x];
    let state = x;
    for (const [i, layer] of this.layer.entries()) {
      state = context.call(`layer.${i}`, layer, state, mask, past?.[i]);
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
    return tanh(context.call('dense', this.dense, reshape(sliceAxis(x, 1, 0, 1), [batch, width])));
  }
}

/** BERT without a head. Devlin et al. 2019, https://arxiv.org/abs/1810.04805 */
export class BertModel implements Model, TakesVectors {
  readonly embeddings: BertEmbeddings;
  readonly encoder: BertEncoder;
  readonly pooler: BertPooler | null;
  readonly config: BertConfig;

  constructor(
    embeddings: BertEmbeddings,
    encoder: BertEncoder,
    pooler: BertPooler | null,
    config: BertConfig,
  ) {
    this.embeddings = embeddings;
    this.encoder = encoder;
    this.pooler = pooler;
    this.config = config;
  }

  /** @param options.pooler defaults to true. */
  static init(
    config: BertConfig,
    key: Tensor,
    options: BertDesign & { readonly pooler?: boolean } = {},
  ): BertModel {
    const layers = Array.from({ length: config.num_hidden_layers }, (_, i) =>
      BertLayer.init(config, foldIn(key, i)),
    );
    const pooler =
      (options.pooler ?? true)
        ? new BertPooler(
            bertLinear(config, config.hidden_size, config.hidden_size, foldIn(key, 'pooler')),
          )
        : null;
    return new BertModel(
      BertEmbeddings.init(config, foldIn(key, 'embeddings'), options),
      new BertEncoder(layers),
      pooler,
      config,
    );
  }

  get inputSite(): InputSite {
    const {
      hidden_size: width,
      num_hidden_layers: layers,
      num_attention_heads: heads,
    } = this.config;
    const embedding = 'embeddings.word_embeddings';
    const headSize = width / heads;
    return { embedding, width, layers, heads, keyValueHeads: heads, headSize, labels: 'rows' };
  }

  embed(ids: Tensor, context: Context): Tensor {
    return this.embeddings.embed(ids, context.child('embeddings'));
  }

  call(
    inputs: ModelInputs,
    context: Context,
  ): ModelOutputs & { readonly last_hidden_state: Tensor } {
    const embedded = context.call('embeddings', this.embeddings, inputs);
    const hidden_states = context.call(
      'encoder',
      this.encoder,
      embedded,
      keyMask(inputs.attention_mask),
      inputs.past_key_values,
    );
    const last_hidden_state = hidden_states.at(-1) ?? embedded;
    const pooled = this.pooler && context.call('pooler', this.pooler, last_hidden_state);
    return {
      last_hidden_state,
      hidden_states,
      ...(pooled === null ? {} : { pooler_output: pooled }),
    };
  }
}
