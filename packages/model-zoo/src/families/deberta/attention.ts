import { type Context, Dropout, type Linear, materialize, type Weight } from '@lorikeet/nn';
import {
  foldIn,
  LorikeetError,
  reshape,
  sliceAxis,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { headLinear } from '../../heads/textHeads.ts';
import { attend } from '../debertaV2/attend.ts';
import type { RelativeRows } from '../debertaV2/attention.ts';
import type { DebertaConfig } from '../debertaV2/config.ts';
import { meetsOf, relativeBias } from '../debertaV2/relativeBias.ts';

interface Projections {
  readonly in_proj: Linear;
  /** Of distances, for queries and for keys to meet. */
  readonly pos_proj: Linear | null;
  readonly pos_q_proj: Linear | null;
}

/** The attention of the first version: one layer for queries, keys and values, and biases of its own for two of them. */
export class DebertaSelfAttention {
  /** Query, key and value of a head side by side, head by head. */
  readonly in_proj: Linear;
  /** [D] */
  readonly q_bias: Weight;
  /** [D] */
  readonly v_bias: Weight;
  readonly pos_proj: Linear | null;
  readonly pos_q_proj: Linear | null;
  readonly pos_dropout: Dropout;
  readonly heads: number;
  readonly dropout: number;
  /** Kinds of products that are added. */
  readonly products: number;

  constructor(projections: Projections, config: DebertaConfig) {
    const { hidden_size: width } = config;
    this.in_proj = projections.in_proj;
    this.q_bias = zeros([width]);
    this.v_bias = zeros([width]);
    this.pos_proj = projections.pos_proj;
    this.pos_q_proj = projections.pos_q_proj;
    this.pos_dropout = new Dropout(config.hidden_dropout_prob);
    this.heads = config.num_attention_heads;
    this.dropout = config.attention_probs_dropout_prob;
    this.products = 1 + config.pos_att_type.length;
  }

  static init(config: DebertaConfig, key: Tensor): DebertaSelfAttention {
    const { hidden_size: width, relative_attention } = config;
    if (config.talking_head === true) {
      throw new LorikeetError('unsupported', 'heads that mix', {
        path: 'talking_head',
        expected: 'false',
        received: 'true',
      });
    }
    const meets = meetsOf(config);
    const linear = (outputs: number, name: string, bias: boolean): Linear =>
      headLinear(config, [width, outputs], foldIn(key, name), bias);
    return new DebertaSelfAttention(
      {
        in_proj: linear(3 * width, 'in_proj', false),
        pos_proj: relative_attention && meets.queries ? linear(width, 'pos_proj', false) : null,
        pos_q_proj: relative_attention && meets.keys ? linear(width, 'pos_q_proj', true) : null,
      },
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
    const [batch = 0, time = 0, width = 0] = x.shape;
    const size = width / this.heads;
    const fused = context.call('in_proj', this.in_proj, x); // [B, T, 3D]
    const byHead = reshape(fused, [batch, time, this.heads, 3 * size]).permute([0, 2, 1, 3]);
    const part = (index: number): Tensor => sliceAxis(byHead, 3, index * size, size);
    const biased = (heads: Tensor, bias: Weight): Tensor =>
      heads.add(reshape(materialize(bias), [1, this.heads, 1, size]));
    const [query, key, value] = [
      biased(part(0), this.q_bias),
      part(1),
      biased(part(2), this.v_bias),
    ]; // [B, H, T, K]
    const bias = relative && this.bias(query, key, relative, context);
    const { products, dropout: rate } = this;
    return attend({ query, key, value, mask, bias }, { products, rate }, context);
  }

  private bias(
    query: Tensor,
    key: Tensor,
    { rows, index }: RelativeRows,
    context: Context,
  ): Tensor | undefined {
    const dropped = context.call('pos_dropout', this.pos_dropout, rows);
    const through = (name: string, layer: Linear | null): Tensor | undefined =>
      layer === null ? undefined : context.call(name, layer, dropped);
    return relativeBias(query, key, {
      index,
      forQueries: through('pos_proj', this.pos_proj),
      forKeys: through('pos_q_proj', this.pos_q_proj),
    });
  }
}
