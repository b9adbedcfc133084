import { type Context, Dropout, type Linear, splitHeads } from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { headLinear } from '../../heads/textHeads.ts';
import { attend } from './attend.ts';
import type { DebertaV2Config } from './config.ts';
import { meetsOf, relativeBias } from './relativeBias.ts';

/** The rows of distances, and which pair of tokens has which. */
export interface RelativeRows {
  /** [2S, D] */
  readonly rows: Tensor;
  /** i32 [T, T] */
  readonly index: Tensor;
}

interface Projections {
  readonly query_proj: Linear;
  readonly key_proj: Linear;
  readonly value_proj: Linear;
  /** Of distances, where they do not share those of tokens. */
  readonly pos_key_proj: Linear | null;
  readonly pos_query_proj: Linear | null;
}

/** Attention in which what a token is and where it is meet apart. He et al. 2021, https://arxiv.org/abs/2006.03654 */
export class DisentangledSelfAttention {
  readonly query_proj: Linear;
  readonly key_proj: Linear;
  readonly value_proj: Linear;
  readonly pos_key_proj: Linear | null;
  readonly pos_query_proj: Linear | null;
  readonly pos_dropout: Dropout;
  readonly heads: number;
  readonly dropout: number;
  /** Whether queries meet distances, and whether keys do. */
  readonly meets: { readonly queries: boolean; readonly keys: boolean };

  constructor(
    projections: Projections,
    meets: { readonly queries: boolean; readonly keys: boolean },
    config: DebertaV2Config,
  ) {
    this.query_proj = projections.query_proj;
    this.key_proj = projections.key_proj;
    this.value_proj = projections.value_proj;
    this.pos_key_proj = projections.pos_key_proj;
    this.pos_query_proj = projections.pos_query_proj;
    this.pos_dropout = new Dropout(config.hidden_dropout_prob);
    this.heads = config.num_attention_heads;
    this.dropout = config.attention_probs_dropout_prob;
    this.meets = meets;
  }

  static init(config: DebertaV2Config, key: Tensor): DisentangledSelfAttention {
    const { hidden_size: width, relative_attention, share_att_key } = config;
    const linear = (name: string): Linear => headLinear(config, [width, width], foldIn(key, name));
    const meets = meetsOf(config);
    const isOwn = (isMet: boolean): boolean => relative_attention && !share_att_key && isMet;
    return new DisentangledSelfAttention(
      {
        query_proj: linear('query_proj'),
        key_proj: linear('key_proj'),
        value_proj: linear('value_proj'),
        pos_key_proj: isOwn(meets.queries) ? linear('pos_key_proj') : null,
        pos_query_proj: isOwn(meets.keys) ? linear('pos_query_proj') : null,
      },
      meets,
      config,
    );
  }

  /** @param x [B, T, D]; the result too. @param mask bool [B, 1, T, T] */
  call(
    x: Tensor,
    mask: Tensor | undefined,
    relative: RelativeRows | undefined,
    context: Context,
  ): Tensor {
    const part = (name: 'query_proj' | 'key_proj' | 'value_proj'): Tensor =>
      splitHeads(context.call(name, this[name], x), this.heads);
    const [query, key, value] = [part('query_proj'), part('key_proj'), part('value_proj')]; // [B, H, T, K]
    const bias = relative && this.bias(query, key, relative, context);
    const products = 1 + Number(this.meets.queries) + Number(this.meets.keys);
    return attend({ query, key, value, mask, bias }, { products, rate: this.dropout }, context);
  }

  private bias(
    query: Tensor,
    key: Tensor,
    { rows, index }: RelativeRows,
    context: Context,
  ): Tensor | undefined {
    const dropped = context.call('pos_dropout', this.pos_dropout, rows);
    const { queries, keys } = this.meets;
    const { pos_key_proj: ofKeys, pos_query_proj: ofQueries } = this;
    const forQueries = (): Tensor =>
      ofKeys === null
        ? context.call('key_proj', this.key_proj, dropped)
        : context.call('pos_key_proj', ofKeys, dropped);
    const forKeys = (): Tensor =>
      ofQueries === null
        ? context.call('query_proj', this.query_proj, dropped)
        : context.call('pos_query_proj', ofQueries, dropped);
    return relativeBias(query, key, {
      index,
      forQueries: queries ? forQueries() : undefined,
      forKeys: keys ? forKeys() : undefined,
    });
  }
}
