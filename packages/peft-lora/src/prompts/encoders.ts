import { type Context, Embedding, Linear, materialize, normalInitializer } from '@lorikeet/nn';
import { foldIn, relu, type Tensor, tanh } from '@lorikeet/tensor-core';
import type { Tensors } from '../variant.ts';
import { initLstm, type LstmSizes, lstm } from './lstm.ts';

/** What makes virtual tokens out of parameters of its own: [P, width]. Named as in PEFT. */
export interface PromptSource {
  call(context: Context): Tensor;
}

/** Layers with a function between them, under the numbers that PyTorch's `Sequential` gives them. */
type Sequence = Readonly<Record<string, Linear>>;

function run(
  layers: Sequence,
  between: (x: Tensor) => Tensor,
  x: Tensor,
  context: Context,
): Tensor {
  return Object.entries(layers).reduce(
    (state, [label, layer], i) => context.call(label, layer, i === 0 ? state : between(state)),
    x,
  );
}

function sequence(sizes: readonly number[], key: Tensor): Sequence {
  return Object.fromEntries(
    sizes.slice(1).map((outFeatures, i) => {
      const label = String(2 * i);
      return [label, Linear.init({ inFeatures: sizes[i] ?? 0, outFeatures }, foldIn(key, label))];
    }),
  );
}

function table(tokens: number, width: number, key: Tensor): Embedding {
  const initializer = normalInitializer(1);
  return Embedding.init(
    { numEmbeddings: tokens, dimension: width, initializer },
    foldIn(key, 'table'),
  );
}

/** P-tuning's encoder of three layers. */
export class MlpPromptEncoder implements PromptSource {
  readonly embedding: Embedding;
  readonly mlp_head: Sequence;

  constructor(embedding: Embedding, head: Sequence) {
    this.embedding = embedding;
    this.mlp_head = head;
  }

  static init(tokens: number, width: number, hidden: number, key: Tensor): MlpPromptEncoder {
    const head = sequence([width, hidden, hidden, width], foldIn(key, 'mlp_head'));
    return new MlpPromptEncoder(table(tokens, width, key), head);
  }

  call(context: Context): Tensor {
    return run(this.mlp_head, relu, materialize(this.embedding.weight), context.child('mlp_head'));
  }
}

/** P-tuning's encoder that reads the virtual tokens both ways. */
export class LstmPromptEncoder implements PromptSource {
  readonly embedding: Embedding;
  readonly lstm_head: Tensors;
  readonly mlp_head: Sequence;
  readonly sizes: LstmSizes;
  readonly dropout: number;

  constructor(
    embedding: Embedding,
    lstmHead: Tensors,
    head: Sequence,
    sizes: LstmSizes,
    dropout: number,
  ) {
    this.embedding = embedding;
    this.lstm_head = lstmHead;
    this.mlp_head = head;
    this.sizes = sizes;
    this.dropout = dropout;
  }

  static init(tokens: number, sizes: LstmSizes, dropout: number, key: Tensor): LstmPromptEncoder {
    const { input: width, hidden } = sizes;
    return new LstmPromptEncoder(
      table(tokens, width, key),
      initLstm(sizes, foldIn(key, 'lstm_head')),
      sequence([2 * hidden, 2 * hidden, width], foldIn(key, 'mlp_head')),
      sizes,
      dropout,
    );
  }

  call(context: Context): Tensor {
    const own = context.child('lstm_head');
    const state = lstm(
      materialize(this.embedding.weight),
      this.lstm_head,
      this.sizes,
      this.dropout,
      own,
    );
    return run(this.mlp_head, relu, state, context.child('mlp_head'));
  }
}

/** Prefix tuning's parameters: a table, and a projection of it if there is one. */
export class PrefixEncoder implements PromptSource {
  readonly embedding: Embedding;
  readonly transform: Sequence;

  constructor(embedding: Embedding, transform: Sequence) {
    this.embedding = embedding;
    this.transform = transform;
  }

  /** @param hidden width between the two layers of the projection; `null` for none. */
  static init(
    tokens: number,
    {
      width,
      prefix,
      hidden,
    }: { readonly width: number; readonly prefix: number; readonly hidden: number | null },
    key: Tensor,
  ): PrefixEncoder {
    if (hidden === null) return new PrefixEncoder(table(tokens, prefix, key), {});
    return new PrefixEncoder(
      table(tokens, width, key),
      sequence([width, hidden, prefix], foldIn(key, 'transform')),
    );
  }

  call(context: Context): Tensor {
    return run(
      this.transform,
      tanh,
      materialize(this.embedding.weight),
      context.child('transform'),
    );
  }
}
