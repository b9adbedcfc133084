import { type Context, Dropout, type Past, RMSNorm } from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { keyMask } from '../../attentionMask.ts';
import type { States } from '../../encoderDecoder.ts';
import type { CrossPasts, LayerPasts } from '../../layerPasts.ts';
import { T5Attention, type T5Look } from './attention.ts';
import { decoderLayers, type T5Config } from './config.ts';
import { T5CrossAttentionPart, T5DensePart, T5SelfAttentionPart } from './layers.ts';

/** What a stack reads. */
interface T5Reading {
  /** [B, T, D] */
  readonly x: Tensor;
  /** [B, P + T] of 0 and 1 */
  readonly attentionMask: Tensor | undefined;
  /** Of a decoder: what the encoder made, [B, S, D], and its mask. */
  readonly memory?: Tensor | undefined;
  readonly memoryMask?: Tensor | undefined;
  readonly pasts?: LayerPasts | undefined;
  readonly crossPasts?: CrossPasts | undefined;
}

class T5Block {
  readonly layer:
    | readonly [T5SelfAttentionPart, T5DensePart]
    | readonly [T5SelfAttentionPart, T5CrossAttentionPart, T5DensePart];

  constructor(layer: T5Block['layer']) {
    this.layer = layer;
  }

  static init(config: T5Config, isDecoder: boolean, index: number, key: Tensor): T5Block {
    const attention = (name: string, causal: boolean, hasBias: boolean): T5Attention =>
      T5Attention.init(config, { causal, hasBias }, foldIn(key, name));
    const own = new T5SelfAttentionPart(attention('self', isDecoder, index === 0), config);
    const dense = T5DensePart.init(config, foldIn(key, 'dense'));
    if (!isDecoder) return new T5Block([own, dense]);
    // As keys may lie anywhere: the cross attention is not causal.
    const cross = new T5CrossAttentionPart(attention('cross', false, false), config);
    return new T5Block([own, cross, dense]);
  }

  /** @param x [B, T, D]; the result too. */
  call(x: Tensor, own: T5Look, cross: T5Look, context: Context): Tensor {
    const attended = context.call('layer.0', this.layer[0], x, own);
    if (this.layer.length === 2) return context.call('layer.1', this.layer[1], attended);
    const read = context.call('layer.1', this.layer[1], attended, cross);
    return context.call('layer.2', this.layer[2], read);
  }
}

/** The encoder, or the decoder. */
export class T5Stack {
  readonly block: readonly T5Block[];
  readonly final_layer_norm: RMSNorm;
  readonly dropout: Dropout;

  constructor(block: readonly T5Block[], finalNorm: RMSNorm, dropout: Dropout) {
    this.block = block;
    this.final_layer_norm = finalNorm;
    this.dropout = dropout;
  }

  static init(config: T5Config, isDecoder: boolean, key: Tensor): T5Stack {
    const length = isDecoder ? decoderLayers(config) : config.num_layers;
    return new T5Stack(
      Array.from({ length }, (_, i) => T5Block.init(config, isDecoder, i, foldIn(key, i))),
      RMSNorm.init(config.d_model, config.layer_norm_epsilon),
      new Dropout(config.dropout_rate),
    );
  }

  /** One state for the input and for each block; the last is normalised. */
  call(reading: T5Reading, context: Context): States {
    const { x, attentionMask, memory, memoryMask, pasts, crossPasts } = reading;
    const bias = this.bias(x.shape[1] ?? 0, pasts?.at(0), context);
    const [mask, memorySeen] = [keyMask(attentionMask), keyMask(memoryMask)];
    let state = context.call('dropout', this.dropout, x);
    const states: Tensor[] = [];
    for (const [i, block] of this.block.entries()) {
      states.push(state);
      const own = { mask, bias, past: pasts?.at(i) };
      const known = crossPasts?.known(i);
      const cross = { memory, known, mask: memorySeen, past: crossPasts?.at(i) };
      state = context.call(`block.${i}`, block, state, own, cross);
    }
    const normalized = context.call('final_layer_norm', this.final_layer_norm, state);
    const last = context.child('last').dropout(normalized, this.dropout.rate);
    return { last, states: [...states, last] };
  }

  /** [1, H, T, P + T], or [1, H, T, C] of a cache */
  private bias(time: number, past: Past | undefined, context: Context): Tensor | undefined {
    const own = this.block[0]?.layer[0].SelfAttention.relative_attention_bias ?? null;
    const label = 'block.0.layer.0.SelfAttention.relative_attention_bias';
    if (own === null) return undefined;
    const { key, place } = past ?? {};
    const before = key?.shape[2] ?? 0;
    return context.call(label, own, time, place === undefined ? before + time : before, place);
  }
}
