import {
  type Context,
  Embedding,
  type InputSite,
  LayerNorm,
  materialize,
  normalInitializer,
} from '@lorikeet/nn';
import { foldIn, greater, mul, reshape, type Tensor } from '@lorikeet/tensor-core';
import type { BaseModel } from '../../heads/headedModel.ts';
import type { ModelInputs, ModelOutputs } from '../../model.ts';
import { refusePast } from '../../refusePast.ts';
import { DisentangledSelfAttention, type RelativeRows } from './attention.ts';
import { type DebertaConfig, type DebertaV2Config, maxDistance } from './config.ts';
import { DebertaConvolution } from './convolution.ts';
import { type Distances, distanceRows } from './distances.ts';
import { DebertaEmbeddings } from './embeddings.ts';
import { DebertaLayer, type RelativeAttention } from './layer.ts';

/** What the versions of DeBERTa differ in. */
interface EncoderParts {
  readonly relEmbeddings: Embedding | null;
  readonly norm: LayerNorm | null;
  readonly conv: DebertaConvolution | null;
  readonly distances: Distances;
}

class DebertaEncoder {
  readonly layer: readonly DebertaLayer[];
  readonly rel_embeddings: Embedding | null;
  readonly LayerNorm: LayerNorm | null;
  readonly conv: DebertaConvolution | null;
  readonly distances: Distances;

  constructor(layer: readonly DebertaLayer[], parts: EncoderParts) {
    this.layer = layer;
    this.rel_embeddings = parts.relEmbeddings;
    this.LayerNorm = parts.norm;
    this.conv = parts.conv;
    this.distances = parts.distances;
  }

  /** @param x [B, T, D]; the result is one such tensor for the input and for each layer. */
  call(x: Tensor, padding: Tensor | undefined, context: Context): Tensor[] {
    const mask = pairMask(padding);
    const relative = this.relative(x.shape[1] ?? 0, context);
    const states = [x];
    let state = x;
    for (const [i, layer] of this.layer.entries()) {
      state = context.call(`layer.${i}`, layer, state, mask, relative);
      if (i === 0 && this.conv !== null) state = context.call('conv', this.conv, x, state, padding);
      states.push(state);
    }
    return states;
  }

  private relative(time: number, context: Context): RelativeRows | undefined {
    const { rel_embeddings: table, LayerNorm: norm } = this;
    if (table === null) return undefined;
    const rows = materialize(table.weight);
    return {
      rows: norm === null ? rows : context.call('LayerNorm', norm, rows),
      index: distanceRows(time, this.distances),
    };
  }
}

/** DeBERTa without a head, of any version. He et al. 2021, https://arxiv.org/abs/2006.03654 */
export class DebertaModel implements BaseModel {
  readonly embeddings: DebertaEmbeddings;
  readonly encoder: DebertaEncoder;
  readonly config: DebertaConfig;

  constructor(embeddings: DebertaEmbeddings, encoder: DebertaEncoder, config: DebertaConfig) {
    this.embeddings = embeddings;
    this.encoder = encoder;
    this.config = config;
  }

  static init(
    config: DebertaConfig,
    parts: EncoderParts,
    attentionOf: (key: Tensor) => RelativeAttention,
    key: Tensor,
  ): DebertaModel {
    const layers = Array.from({ length: config.num_hidden_layers }, (_, i) => {
      const own = foldIn(key, i);
      return DebertaLayer.init(config, attentionOf(foldIn(own, 'self')), own);
    });
    return new DebertaModel(
      DebertaEmbeddings.init(config, foldIn(key, 'embeddings')),
      new DebertaEncoder(layers, parts),
      config,
    );
  }

  get inputSite(): InputSite {
    const {
      hidden_size,
      embedding_size,
      num_hidden_layers,
      num_attention_heads: heads,
    } = this.config;
    return {
      embedding: 'embeddings.word_embeddings',
      width: embedding_size ?? hidden_size,
      layers: num_hidden_layers,
      heads,
      keyValueHeads: heads,
      headSize: hidden_size / heads,
      labels: 'rows',
    };
  }

  embed(ids: Tensor, context: Context): Tensor {
    return this.embeddings.embed(ids, context.child('embeddings'));
  }

  call(
    inputs: ModelInputs,
    context: Context,
  ): ModelOutputs & { readonly last_hidden_state: Tensor } {
    refusePast(inputs, 'DeBERTa');
    const embedded = context.call('embeddings', this.embeddings, inputs);
    const hidden_states = context.call('encoder', this.encoder, embedded, inputs.attention_mask);
    return { last_hidden_state: hidden_states.at(-1) ?? embedded, hidden_states };
  }
}

/**
 * [B, T] of 0 and 1 to bool [B, 1, T, T]: which pairs meet. Padding meets nothing, which counts where the loss is over
 * all positions of a text, as with spans.
 */
function pairMask(padding: Tensor | undefined): Tensor | undefined {
  if (padding === undefined) return undefined;
  const [batch = 0, time = 0] = padding.shape;
  const kept = padding.cast('f32');
  return greater(mul(reshape(kept, [batch, 1, 1, time]), reshape(kept, [batch, 1, time, 1])), 0);
}

/** The rows of distances of a model. */
export function relativeTable(config: DebertaConfig, span: number, key: Tensor): Embedding | null {
  if (!config.relative_attention) return null;
  const initializer = normalInitializer(config.initializer_range);
  const options = { numEmbeddings: 2 * span, dimension: config.hidden_size, initializer };
  return Embedding.init(options, foldIn(key, 'rel_embeddings'));
}

/** Whether the rows of distances are normalised. */
export function normOfRows(config: DebertaConfig, kinds: string): LayerNorm | null {
  const isNormalized = kinds
    .toLowerCase()
    .split('|')
    .some((kind) => kind.trim() === 'layer_norm');
  return isNormalized ? LayerNorm.init(config.hidden_size, config.layer_norm_eps) : null;
}

/** DeBERTa v2 or v3 without a head. He et al. 2023, https://arxiv.org/abs/2111.09543 */
export function initDebertaV2(config: DebertaV2Config, key: Tensor): DebertaModel {
  const { position_buckets: buckets, conv_kernel_size: kernel } = config;
  const most = maxDistance(config);
  const span = buckets > 0 ? buckets : most;
  return DebertaModel.init(
    config,
    {
      relEmbeddings: relativeTable(config, span, key),
      norm: normOfRows(config, config.norm_rel_ebd),
      conv: kernel > 0 ? DebertaConvolution.init(config, foldIn(key, 'conv')) : null,
      distances: { span, buckets: buckets > 0 ? { maxDistance: most } : undefined },
    },
    (own) => DisentangledSelfAttention.init(config, own),
    key,
  );
}
