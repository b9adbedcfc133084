import type { Context, InputSite, KeyValues, TakesVectors } from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { keyMask } from '../../attentionMask.ts';
import type { Model, ModelInputs, ModelOutputs } from '../../model.ts';
import type { DistilBertConfig } from './config.ts';
import { DistilBertEmbeddings } from './embeddings.ts';
import { DistilBertLayer } from './layer.ts';

class DistilBertTransformer {
  readonly layer: readonly DistilBertLayer[];

  constructor(layer: readonly DistilBertLayer[]) {
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

/** DistilBERT without a head. Sanh et al. 2019, https://arxiv.org/abs/1910.01108 */
export class DistilBertModel implements Model, TakesVectors {
  readonly embeddings: DistilBertEmbeddings;
  readonly transformer: DistilBertTransformer;
  readonly config: DistilBertConfig;

  constructor(
    embeddings: DistilBertEmbeddings,
    transformer: DistilBertTransformer,
    config: DistilBertConfig,
  ) {
    this.embeddings = embeddings;
    this.transformer = transformer;
    this.config = config;
  }

  static init(config: DistilBertConfig, key: Tensor): DistilBertModel {
    const layers = Array.from({ length: config.n_layers }, (_, i) =>
      DistilBertLayer.init(config, foldIn(key, i)),
    );
    return new DistilBertModel(
      DistilBertEmbeddings.init(config, foldIn(key, 'embeddings')),
      new DistilBertTransformer(layers),
      config,
    );
  }

  get inputSite(): InputSite {
    const { dim: width, n_layers: layers, n_heads: heads } = this.config;
    const headSize = width / heads;
    const embedding = 'embeddings.word_embeddings';
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
    const mask = keyMask(inputs.attention_mask);
    const { transformer } = this;
    const past = inputs.past_key_values;
    const hidden_states = context.call('transformer', transformer, embedded, mask, past);
    return { last_hidden_state: hidden_states.at(-1) ?? embedded, hidden_states };
  }
}
