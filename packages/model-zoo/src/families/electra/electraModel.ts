import type { Context, InputSite, Linear } from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { keyMask } from '../../attentionMask.ts';
import type { BaseModel } from '../../heads/headedModel.ts';
import type { ModelInputs, ModelOutputs } from '../../model.ts';
import { BertEncoder } from '../bert/bertModel.ts';
import { BertEmbeddings } from '../bert/embeddings.ts';
import { BertLayer, bertLinear } from '../bert/layer.ts';
import type { ElectraConfig } from './config.ts';

/** ELECTRA without a head: BERT, whose words may be narrower. Clark et al. 2020, https://arxiv.org/abs/2003.10555 */
export class ElectraModel implements BaseModel {
  readonly embeddings: BertEmbeddings;
  readonly embeddings_project: Linear | null;
  readonly encoder: BertEncoder;
  readonly config: ElectraConfig;

  constructor(
    embeddings: BertEmbeddings,
    projection: Linear | null,
    encoder: BertEncoder,
    config: ElectraConfig,
  ) {
    this.embeddings = embeddings;
    this.embeddings_project = projection;
    this.encoder = encoder;
    this.config = config;
  }

  static init(config: ElectraConfig, key: Tensor): ElectraModel {
    const { embedding_size: width, hidden_size } = config;
    const layers = Array.from({ length: config.num_hidden_layers }, (_, i) =>
      BertLayer.init(config, foldIn(key, i)),
    );
    return new ElectraModel(
      BertEmbeddings.init(config, foldIn(key, 'embeddings'), { width }),
      width === hidden_size
        ? null
        : bertLinear(config, width, hidden_size, foldIn(key, 'embeddings_project')),
      new BertEncoder(layers),
      config,
    );
  }

  get inputSite(): InputSite {
    const { embedding_size: width, hidden_size, num_hidden_layers: layers } = this.config;
    const { num_attention_heads: heads } = this.config;
    const sizes = { layers, heads, keyValueHeads: heads, headSize: hidden_size / heads };
    return { embedding: 'embeddings.word_embeddings', width, ...sizes, labels: 'rows' };
  }

  embed(ids: Tensor, context: Context): Tensor {
    return this.embeddings.embed(ids, context.child('embeddings'));
  }

  call(
    inputs: ModelInputs,
    context: Context,
  ): ModelOutputs & { readonly last_hidden_state: Tensor } {
    const { embeddings_project: widen } = this;
    const words = context.call('embeddings', this.embeddings, inputs); // [B, T, E]
    const wide = widen === null ? words : context.call('embeddings_project', widen, words); // [B, T, D]
    const mask = keyMask(inputs.attention_mask);
    const past = inputs.past_key_values;
    const hidden_states = context.call('encoder', this.encoder, wide, mask, past);
    return { last_hidden_state: hidden_states.at(-1) ?? wide, hidden_states };
  }
}
