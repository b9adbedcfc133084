import {
  type Context,
  Embedding,
  type InputSite,
  LayerNorm,
  normalInitializer,
  type RotaryFrequencies,
  type RotaryStretch,
  rotation,
} from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { keyMask } from '../../attentionMask.ts';
import type { BaseModel } from '../../heads/headedModel.ts';
import { layerPasts } from '../../layerPasts.ts';
import type { ModelInputs, ModelOutputs } from '../../model.ts';
import { countedPositions } from '../../positions.ts';
import { ropeOf } from '../llama/rope.ts';
import { type GPTNeoXConfig, neoXRope } from './config.ts';
import { GPTNeoXLayer } from './layer.ts';

/** GPT-NeoX without a head. Black et al. 2022, https://arxiv.org/abs/2204.06745 */
export class GPTNeoXModel implements BaseModel {
  readonly embed_in: Embedding;
  readonly layers: readonly GPTNeoXLayer[];
  readonly final_layer_norm: LayerNorm;
  readonly rope: RotaryFrequencies;
  readonly config: GPTNeoXConfig;

  constructor(embedIn: Embedding, layers: readonly GPTNeoXLayer[], config: GPTNeoXConfig) {
    this.embed_in = embedIn;
    this.layers = layers;
    this.final_layer_norm = LayerNorm.init(config.hidden_size, config.layer_norm_eps);
    this.rope = ropeOf(neoXRope(config));
    this.config = config;
  }

  static init(config: GPTNeoXConfig, key: Tensor): GPTNeoXModel {
    const { vocab_size: numEmbeddings, hidden_size: dimension } = config;
    const initializer = normalInitializer(config.initializer_range);
    return new GPTNeoXModel(
      Embedding.init({ numEmbeddings, dimension, initializer }, foldIn(key, 'embed_in')),
      Array.from({ length: config.num_hidden_layers }, (_, i) =>
        GPTNeoXLayer.init(config, foldIn(key, i)),
      ),
      config,
    );
  }

  get stretch(): RotaryStretch | undefined {
    return this.rope.stretch;
  }

  get inputSite(): InputSite {
    const { hidden_size: width, num_hidden_layers: layers } = this.config;
    const { num_attention_heads: heads } = this.config;
    const sizes = { width, layers, heads, keyValueHeads: heads, headSize: width / heads };
    return { embedding: 'embed_in', ...sizes, labels: 'rows' };
  }

  embed(ids: Tensor, context: Context): Tensor {
    return context.call('embed_in', this.embed_in, ids);
  }

  /** The last hidden state is normalised, as in transformers. */
  call(
    inputs: ModelInputs,
    context: Context,
  ): ModelOutputs & { readonly last_hidden_state: Tensor } {
    const words =
      inputs.inputs_embeds === undefined
        ? this.embed(inputs.input_ids, context)
        : inputs.inputs_embeds; // [B, T, D]
    const turn = rotation(inputs.position_ids ?? countedPositions(inputs), this.rope);
    const mask = keyMask(inputs.attention_mask); // [B, 1, 1, P + T]
    let state = context.child('emb_dropout').dropout(words, this.config.hidden_dropout);
    const pasts = layerPasts(inputs);
    const states: Tensor[] = [];
    for (const [i, layer] of this.layers.entries()) {
      states.push(state);
      state = context.call(`layers.${i}`, layer, state, turn, mask, pasts.at(i));
    }
    const last_hidden_state = context.call('final_layer_norm', this.final_layer_norm, state);
    const hidden_states = [...states, last_hidden_state];
    return { last_hidden_state, hidden_states, ...pasts.outputs() };
  }
}
