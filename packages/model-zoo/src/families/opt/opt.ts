import {
  baseOf,
  type Context,
  Embedding,
  type InputSite,
  LayerNorm,
  Linear,
  normalInitializer,
  siteWithin,
  type TakesVectors,
} from '@lorikeet/nn';
import { cumsum, foldIn, gather, iota, mul, sliceAxis, type Tensor } from '@lorikeet/tensor-core';
import { keyMask } from '../../attentionMask.ts';
import type { BaseModel } from '../../heads/headedModel.ts';
import { layerPasts } from '../../layerPasts.ts';
import { lookUp } from '../../lookUp.ts';
import type { ModelInputs, ModelOutputs } from '../../model.ts';
import { pastLength, positionsOf, requireRoom, sizesOf } from '../../positions.ts';
import { BartLayer } from '../bart/layer.ts';
import { type OPTConfig, wordWidth } from './config.ts';

/** Rows of the table of positions that belong to none. */
const firstPosition = 2;

type States = ModelOutputs & { readonly last_hidden_state: Tensor };

class OPTDecoder implements TakesVectors {
  readonly embed_tokens: Embedding;
  readonly embed_positions: Embedding;
  readonly project_out: Linear | null;
  readonly project_in: Linear | null;
  readonly final_layer_norm: LayerNorm | null;
  readonly layers: readonly BartLayer[];
  readonly config: OPTConfig;

  constructor(config: OPTConfig, key: Tensor) {
    const { hidden_size: width, vocab_size, max_position_embeddings: most } = config;
    const initializer = normalInitializer(config.init_std);
    const narrow = wordWidth(config);
    const table = (numEmbeddings: number, dimension: number, name: string): Embedding =>
      Embedding.init({ numEmbeddings, dimension, initializer }, foldIn(key, name));
    const projection = (inFeatures: number, outFeatures: number, name: string): Linear | null =>
      narrow === width
        ? null
        : Linear.init({ inFeatures, outFeatures, bias: false, initializer }, foldIn(key, name));
    const hasNorm = config.do_layer_norm_before && !config._remove_final_layer_norm;
    this.embed_tokens = table(vocab_size, narrow, 'embed_tokens');
    this.embed_positions = table(most + firstPosition, width, 'embed_positions');
    this.project_out = projection(width, narrow, 'project_out');
    this.project_in = projection(narrow, width, 'project_in');
    this.final_layer_norm = hasNorm ? LayerNorm.init(width, 1e-5) : null;
    this.layers = Array.from({ length: config.num_hidden_layers }, (_, i) =>
      BartLayer.init(layerConfig(config), foldIn(key, i)),
    );
    this.config = config;
  }

  get inputSite(): InputSite {
    const { hidden_size, num_hidden_layers: layers, num_attention_heads: heads } = this.config;
    const sizes = { layers, heads, keyValueHeads: heads, headSize: hidden_size / heads };
    return { embedding: 'embed_tokens', width: wordWidth(this.config), ...sizes, labels: 'rows' };
  }

  embed(ids: Tensor, context: Context): Tensor {
    return lookUp('embed_tokens', this.embed_tokens, ids, this.config.pad_token_id, context);
  }

  call(inputs: ModelInputs, context: Context): States {
    const words =
      inputs.inputs_embeds === undefined
        ? this.embed(inputs.input_ids, context)
        : inputs.inputs_embeds; // [B, T, E]
    const { project_in: widen, project_out: narrow, final_layer_norm: norm } = this;
    const wide = widen === null ? words : context.call('project_in', widen, words); // [B, T, D]
    const { embed_positions: table } = this;
    const positions = context.call('embed_positions', table, this.positions(inputs));
    const mask = keyMask(inputs.attention_mask); // [B, 1, 1, P + T]
    let state = wide.add(positions);
    const pasts = layerPasts(inputs);
    const states: Tensor[] = [];
    for (const [i, layer] of this.layers.entries()) {
      states.push(state);
      const look = { mask, past: pasts.at(i) };
      state = context.call(`layers.${i}`, layer, state, look, { mask: undefined });
    }
    const normalized = norm === null ? state : context.call('final_layer_norm', norm, state);
    const last = narrow === null ? normalized : context.call('project_out', narrow, normalized);
    return { last_hidden_state: last, hidden_states: [...states, last], ...pasts.outputs() };
  }

  /** Rows of the table of positions: those of tokens are counted, and padding has none. */
  private positions(inputs: ModelInputs): Tensor {
    const { attention_mask: mask, position_ids, cache_position: place } = inputs;
    if (position_ids !== undefined) return position_ids.add(firstPosition);
    const { embed_positions: table } = this;
    if (mask === undefined) return positionsOf(inputs, table).add(firstPosition);
    const [[, time], past] = [sizesOf(inputs), pastLength(inputs)];
    if (place === undefined)
      requireRoom(past + time, (baseOf(table.weight).shape[0] ?? 0) - firstPosition);
    const counted = mul(cumsum(mask, 1), mask).add(firstPosition - 1); // [B, P + T]
    if (place !== undefined) return gather(counted, iota([time], 0).add(place), 1);
    return sliceAxis(counted, 1, past, time);
  }
}

/** OPT without a head. Zhang et al. 2022, https://arxiv.org/abs/2205.01068 */
export class OPTModel implements BaseModel {
  readonly decoder: OPTDecoder;
  readonly config: OPTConfig;

  constructor(decoder: OPTDecoder, config: OPTConfig) {
    this.decoder = decoder;
    this.config = config;
  }

  static init(config: OPTConfig, key: Tensor): OPTModel {
    return new OPTModel(new OPTDecoder(config, foldIn(key, 'decoder')), config);
  }

  get inputSite(): InputSite {
    return siteWithin('decoder', this.decoder, 'rows');
  }

  embed(ids: Tensor, context: Context): Tensor {
    return this.decoder.embed(ids, context.child('decoder'));
  }

  call(inputs: ModelInputs, context: Context): States {
    return context.call('decoder', this.decoder, inputs);
  }
}

function layerConfig(config: OPTConfig): Parameters<typeof BartLayer.init>[0] {
  return {
    width: config.hidden_size,
    heads: config.num_attention_heads,
    inner: config.ffn_dim,
    activation: config.activation_function,
    rates: { dropout: config.dropout, attention: config.attention_dropout, inner: 0 },
    deviation: config.init_std,
    bias: config.enable_bias,
    causal: true,
    crosses: false,
    normsBefore: config.do_layer_norm_before,
  };
}
