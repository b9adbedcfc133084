import {
  type AttentionSite,
  activation,
  type Context,
  Dropout,
  type KeyValues,
  LayerNorm,
  Linear,
  multiHeadAttention,
  normalInitializer,
  type OpenAttention,
  splitHeads,
} from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import type { BertConfig } from './config.ts';

/** What BERT's layers need of a config that may be another family's. */
type LayerFields = Pick<
  BertConfig,
  'hidden_size' | 'hidden_dropout_prob' | 'initializer_range' | 'layer_norm_eps'
>;

/** A linear layer with BERT's first values. */
export function bertLinear(
  config: Pick<BertConfig, 'initializer_range'>,
  inFeatures: number,
  outFeatures: number,
  key: Tensor,
): Linear {
  return Linear.init(
    { inFeatures, outFeatures, initializer: normalInitializer(config.initializer_range) },
    key,
  );
}

class BertSelfAttention implements OpenAttention {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly heads: number;
  readonly width: number;
  readonly dropout: number;

  constructor(
    query: Linear,
    key: Linear,
    value: Linear,
    sizes: { readonly heads: number; readonly width: number },
    dropout: number,
  ) {
    this.query = query;
    this.key = key;
    this.value = value;
    this.heads = sizes.heads;
    this.width = sizes.width;
    this.dropout = dropout;
  }

  get attentionSite(): AttentionSite {
    const { heads, width } = this;
    return { width, heads, keyValueHeads: heads, headSize: width / heads };
  }

  queries(x: Tensor, ...rest: Rest): Tensor {
    return splitHeads(rest[2].call('query', this.query, x), this.heads);
  }

  keyValues(x: Tensor, context: Context): KeyValues {
    return {
      key: splitHeads(context.call('key', this.key, x), this.heads),
      value: splitHeads(context.call('value', this.value, x), this.heads),
    };
  }

  /** The projection is a part of what comes after. */
  project(attended: Tensor): Tensor {
    return attended;
  }

  /** @param x [B, T, D]; the result too. */
  call(x: Tensor, mask: Tensor | undefined, past: KeyValues | undefined, context: Context): Tensor {
    const query = context.call('query', this.query, x);
    const key = context.call('key', this.key, x);
    const value = context.call('value', this.value, x);
    return multiHeadAttention(
      { query, key, value, past, mask },
      { heads: this.heads, dropout: this.dropout },
      context.child('dropout'),
    );
  }
}

type Rest = readonly [mask: Tensor | undefined, past: KeyValues | undefined, context: Context];

/** A linear layer, dropout, and a normalised sum with what went around it. */
export class BertOutput {
  readonly dense: Linear;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;

  constructor(dense: Linear, norm: LayerNorm, dropout: Dropout) {
    this.dense = dense;
    this.LayerNorm = norm;
    this.dropout = dropout;
  }

  static init(config: LayerFields, inFeatures: number, key: Tensor): BertOutput {
    return new BertOutput(
      bertLinear(config, inFeatures, config.hidden_size, key),
      LayerNorm.init(config.hidden_size, config.layer_norm_eps),
      new Dropout(config.hidden_dropout_prob),
    );
  }

  /** @param x [B, T, in] @param residual [B, T, D]; the result is [B, T, D]. */
  call(x: Tensor, residual: Tensor, context: Context): Tensor {
    const dense = context.call('dropout', this.dropout, context.call('dense', this.dense, x));
    return context.call('LayerNorm', this.LayerNorm, dense.add(residual));
  }
}

class BertAttention {
  readonly self: BertSelfAttention;
  readonly output: BertOutput;

  constructor(self: BertSelfAttention, output: BertOutput) {
    this.self = self;
    this.output = output;
  }

  call(x: Tensor, mask: Tensor | undefined, past: KeyValues | undefined, context: Context): Tensor {
    return context.call('output', this.output, context.call('self', this.self, x, mask, past), x);
  }
}

/** A linear layer and a function. */
export class BertIntermediate {
  readonly dense: Linear;
  readonly activation: string;

  constructor(dense: Linear, activationName: string) {
    this.dense = dense;
    this.activation = activationName;
  }

  /** @param x [B, T, D]; the result is [B, T, F]. */
  call(x: Tensor, context: Context): Tensor {
    return activation(this.activation)(context.call('dense', this.dense, x));
  }
}

/** One block of the encoder. */
export class BertLayer {
  readonly attention: BertAttention;
  readonly intermediate: BertIntermediate;
  readonly output: BertOutput;

  constructor(attention: BertAttention, intermediate: BertIntermediate, output: BertOutput) {
    this.attention = attention;
    this.intermediate = intermediate;
    this.output = output;
  }

  static init(config: BertConfig, key: Tensor): BertLayer {
    const { hidden_size: width, intermediate_size } = config;
    const linear = (name: string): Linear => bertLinear(config, width, width, foldIn(key, name));
    const self = new BertSelfAttention(
      linear('query'),
      linear('key'),
      linear('value'),
      { heads: config.num_attention_heads, width },
      config.attention_probs_dropout_prob,
    );
    return new BertLayer(
      new BertAttention(self, BertOutput.init(config, width, foldIn(key, 'attention.output'))),
      new BertIntermediate(
        bertLinear(config, width, intermediate_size, foldIn(key, 'intermediate')),
        config.hidden_act,
      ),
      BertOutput.init(config, intermediate_size, foldIn(key, 'output')),
    );
  }

  /** @param x [B, T, D]; the result too. @param mask bool [B, 1, 1, P + T] */
  call(x: Tensor, mask: Tensor | undefined, past: KeyValues | undefined, context: Context): Tensor {
    const attended = context.call('attention', this.attention, x, mask, past);
    return context.call(
      'output',
      this.output,
      context.call('intermediate', this.intermediate, attended),
      attended,
    );
  }
}
