import type { Context } from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { BertIntermediate, BertOutput, bertLinear } from '../bert/layer.ts';
import type { RelativeRows } from './attention.ts';
import type { DebertaConfig } from './config.ts';

/** An attention between tokens that knows distances. */
export interface RelativeAttention {
  /** @param x [B, T, D]; the result too. @param mask bool [B, 1, T, T] */
  call(
    x: Tensor,
    mask: Tensor | undefined,
    relative: RelativeRows | undefined,
    context: Context,
  ): Tensor;
}

class DebertaAttention {
  readonly self: RelativeAttention;
  readonly output: BertOutput;

  constructor(self: RelativeAttention, output: BertOutput) {
    this.self = self;
    this.output = output;
  }

  call(
    x: Tensor,
    mask: Tensor | undefined,
    relative: RelativeRows | undefined,
    context: Context,
  ): Tensor {
    return context.call(
      'output',
      this.output,
      context.call('self', this.self, x, mask, relative),
      x,
    );
  }
}

/** One block of the encoder: BERT's, with another attention. */
export class DebertaLayer {
  readonly attention: DebertaAttention;
  readonly intermediate: BertIntermediate;
  readonly output: BertOutput;

  constructor(attention: DebertaAttention, intermediate: BertIntermediate, output: BertOutput) {
    this.attention = attention;
    this.intermediate = intermediate;
    this.output = output;
  }

  static init(config: DebertaConfig, self: RelativeAttention, key: Tensor): DebertaLayer {
    const { hidden_size: width, intermediate_size: inner } = config;
    return new DebertaLayer(
      new DebertaAttention(self, BertOutput.init(config, width, foldIn(key, 'attention.output'))),
      new BertIntermediate(
        bertLinear(config, width, inner, foldIn(key, 'intermediate')),
        config.hidden_act,
      ),
      BertOutput.init(config, inner, foldIn(key, 'output')),
    );
  }

  /** @param x [B, T, D]; the result too. */
  call(
    x: Tensor,
    mask: Tensor | undefined,
    relative: RelativeRows | undefined,
    context: Context,
  ): Tensor {
    const attended = context.call('attention', this.attention, x, mask, relative);
    const hidden = context.call('intermediate', this.intermediate, attended);
    return context.call('output', this.output, hidden, attended);
  }
}
