import {
  type Context,
  Embedding,
  LayerNorm,
  normalInitializer,
  sinusoidalPositions,
} from '@lorikeet/nn';
import { foldIn, gather, iota, type Tensor } from '@lorikeet/tensor-core';
import { keyMask } from '../../attentionMask.ts';
import type { States } from '../../encoderDecoder.ts';
import type { CrossPasts, LayerPasts } from '../../layerPasts.ts';
import { requireRoom } from '../../positions.ts';
import type { BartConfig } from './config.ts';
import { BartLayer } from './layer.ts';
import { bartTable } from './words.ts';

/** What families of BART's build differ in. */
export interface BartDesign {
  /** Whether positions are learned, in a table whose first two rows are of none, or waves. */
  readonly positions: 'learned' | 'waves';
  /** Whether words and positions are normalised. */
  readonly normsWords: boolean;
}

/** What a stack is for. */
export interface BartRole {
  readonly isDecoder: boolean;
  /** Whether it has a table of words of its own, in the place of the one that a model's stacks share. */
  readonly ownsWords: boolean;
}

/** What a stack reads. */
interface BartReading {
  /** [B, T, D] */
  readonly words: Tensor;
  /** [B, P + T] of 0 and 1 */
  readonly attentionMask: Tensor | undefined;
  /** [B, T] integers; counted without them. */
  readonly positions?: Tensor | undefined;
  /** Of a decoder: what the encoder made, [B, S, D], and its mask. */
  readonly memory?: Tensor | undefined;
  readonly memoryMask?: Tensor | undefined;
  readonly pasts?: LayerPasts | undefined;
  readonly crossPasts?: CrossPasts | undefined;
}

const firstPosition = 2;

/** The encoder, or the decoder. */
export class BartStack {
  readonly embed_tokens: Embedding | null;
  readonly embed_positions: Embedding | null;
  readonly layers: readonly BartLayer[];
  readonly layernorm_embedding: LayerNorm | null;
  readonly dropout: number;
  /** Positions that there are. */
  readonly most: number;

  private constructor(config: BartConfig, design: BartDesign, role: BartRole, key: Tensor) {
    const { d_model: dimension, max_position_embeddings: most } = config;
    const { isDecoder, ownsWords } = role;
    const initializer = normalInitializer(config.init_std);
    this.embed_tokens = ownsWords ? bartTable(config, foldIn(key, 'embed_tokens')) : null;
    const options = { numEmbeddings: most + firstPosition, dimension, initializer };
    this.embed_positions =
      design.positions === 'learned'
        ? Embedding.init(options, foldIn(key, 'embed_positions'))
        : null;
    const length = isDecoder ? config.decoder_layers : config.encoder_layers;
    this.layers = Array.from({ length }, (_, i) =>
      BartLayer.init(layerConfig(config, isDecoder), foldIn(key, i)),
    );
    this.layernorm_embedding = design.normsWords ? LayerNorm.init(dimension, 1e-5) : null;
    this.dropout = config.dropout;
    this.most = most;
  }

  static init(config: BartConfig, design: BartDesign, role: BartRole, key: Tensor): BartStack {
    return new BartStack(config, design, role, key);
  }

  /** One state for the input and for each layer. */
  call(reading: BartReading, context: Context): States {
    const { words, attentionMask, memory, memoryMask, pasts, crossPasts } = reading;
    const { layernorm_embedding: norm } = this;
    const placed = words.add(this.positions(reading, context));
    const normalized = norm === null ? placed : context.call('layernorm_embedding', norm, placed);
    const [mask, memorySeen] = [keyMask(attentionMask), keyMask(memoryMask)];
    let last = context.child('dropout').dropout(normalized, this.dropout); // [B, T, D]
    const states = [last];
    for (const [i, layer] of this.layers.entries()) {
      const known = crossPasts?.known(i);
      const cross = { memory, known, mask: memorySeen, past: crossPasts?.at(i) };
      last = context.call(`layers.${i}`, layer, last, { mask, past: pasts?.at(i) }, cross);
      states.push(last);
    }
    return { last, states };
  }

  /** [1 or B, T, D] */
  private positions({ words, pasts, positions: given }: BartReading, context: Context): Tensor {
    const [, time = 0, width = 0] = words.shape;
    const { key, place } = pasts?.at(0) ?? {};
    const first = key?.shape[2] ?? 0;
    if (place === undefined) requireRoom(first + time, this.most);
    const { embed_positions: table } = this;
    const places = given ?? iota([1, time], 1).add(place ?? first);
    if (table !== null) return context.call('embed_positions', table, places.add(firstPosition));
    return gather(sinusoidalPositions(this.most, width), places).cast(words.dtype);
  }
}

function layerConfig(config: BartConfig, isDecoder: boolean): Parameters<typeof BartLayer.init>[0] {
  const { dropout, attention_dropout: attention, activation_dropout: inner } = config;
  return {
    width: config.d_model,
    heads: isDecoder ? config.decoder_attention_heads : config.encoder_attention_heads,
    inner: isDecoder ? config.decoder_ffn_dim : config.encoder_ffn_dim,
    activation: config.activation_function,
    rates: { dropout, attention, inner },
    deviation: config.init_std,
    bias: true,
    causal: isDecoder,
    crosses: isDecoder,
    normsBefore: false,
  };
}
