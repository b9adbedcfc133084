import {
  type AttentionSite,
  afterPast,
  type Context,
  Embedding,
  type InputSite,
  type KeyValues,
  Linear,
  mergeHeads,
  type OpenAttention,
  splitHeads,
  type TakesVectors,
} from '@lorikeet/nn';
import {
  attention,
  crossEntropy,
  greater,
  iota,
  sliceAxis,
  type Tensor,
  tanh,
} from '@lorikeet/tensor-core';
import { noiseTensor } from '../noise.ts';

const [width, heads, rows, positions] = [4, 2, 6, 10];

function linear(outputs: number, inputs: number, seed: number): Linear {
  return new Linear(noiseTensor([outputs, inputs], seed), noiseTensor([outputs], seed + 50));
}

class ReaderAttention implements OpenAttention {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear;

  constructor(seed: number) {
    this.query = linear(width, width, seed);
    this.key = linear(width, width, seed + 1);
    this.value = linear(width, width, seed + 2);
    this.output = linear(width, width, seed + 3);
  }

  get attentionSite(): AttentionSite {
    return { width, heads, keyValueHeads: heads, headSize: width / heads };
  }

  queries(x: Tensor, ...[, , context]: Rest): Tensor {
    return splitHeads(context.call('query', this.query, x), heads);
  }

  keyValues(x: Tensor, context: Context): KeyValues {
    return {
      key: splitHeads(context.call('key', this.key, x), heads),
      value: splitHeads(context.call('value', this.value, x), heads),
    };
  }

  project(attended: Tensor, context: Context): Tensor {
    return context.call('output', this.output, attended);
  }

  call(x: Tensor, ...rest: Rest): Tensor {
    const [mask, past, context] = rest;
    const { key, value } = afterPast(past, this.keyValues(x, context));
    const attended = attention(this.queries(x, ...rest), key, value, { mask, causal: true });
    return this.project(mergeHeads(attended), context);
  }
}

type Rest = readonly [mask: Tensor | undefined, past: KeyValues | undefined, context: Context];

/** What a reader is called with. */
export interface ReaderInputs {
  /** [B, T] */
  readonly input_ids?: Tensor;
  /** [B, T, D] */
  readonly inputs_embeds?: Tensor;
  /** [B, P + T] */
  readonly attention_mask?: Tensor;
  readonly position_ids?: Tensor;
  readonly past_key_values?: readonly KeyValues[];
  /** [B] */
  readonly task_ids?: Tensor;
  /** [B, T] */
  readonly labels?: Tensor;
  /** [B, T] */
  readonly input_type_mask?: Tensor;
  readonly use_cache?: boolean;
}

/** What a reader gives. */
export interface ReaderOutputs {
  /** [B, T, V] */
  readonly logits: Tensor;
  /** Of telling each token from those before it; with labels only. */
  readonly loss?: Tensor;
  /** Of each layer, with `use_cache` only. */
  readonly past_key_values?: readonly KeyValues[];
}

/** A small causal model in f64, with all places where an adapter that changes no weight can be. */
export class Reader implements TakesVectors {
  readonly words: Embedding = new Embedding(noiseTensor([rows, width], 1));
  readonly places: Embedding = new Embedding(noiseTensor([positions, width], 2));
  readonly layers: readonly { readonly attention: ReaderAttention; readonly inner: Linear }[] = [
    { attention: new ReaderAttention(10), inner: linear(width, width, 20) },
    { attention: new ReaderAttention(30), inner: linear(width, width, 40) },
  ];
  readonly head: Linear = linear(rows, width, 60);

  get inputSite(): InputSite {
    const { length: layers } = this.layers;
    const own = { width, layers, heads, keyValueHeads: heads, headSize: width / heads };
    return { embedding: 'words', ...own, labels: 'tokens' };
  }

  embed(ids: Tensor, context: Context): Tensor {
    return context.call('words', this.words, ids);
  }

  call(inputs: ReaderInputs, context: Context): ReaderOutputs {
    const { input_ids, inputs_embeds, attention_mask, past_key_values: past, labels } = inputs;
    const words = inputs_embeds ?? (input_ids && this.embed(input_ids, context));
    if (words === undefined) throw new Error('a reader is called without tokens');
    const time = words.shape[1] ?? 0;
    const start = past?.[0]?.key.shape[2] ?? 0;
    const at = inputs.position_ids ?? iota([1, time], 1).add(start);
    let state = words.add(context.call('places', this.places, at));
    const mask = attention_mask && greater(attention_mask.reshape([-1, 1, 1, start + time]), 0);
    const kept: KeyValues[] = [];
    for (const [i, { attention, inner }] of this.layers.entries()) {
      const own = context.child(i);
      if (inputs.use_cache === true)
        kept.push(afterPast(past?.[i], attention.keyValues(state, own.child('attention'))));
      state = state.add(own.call('attention', attention, state, mask, past?.[i]));
      state = state.add(tanh(own.call('inner', inner, state)));
    }
    const logits = context.call('head', this.head, state);
    return {
      logits,
      ...(labels && { loss: nextLoss(logits, labels) }),
      ...(inputs.use_cache === true && { past_key_values: kept }),
    };
  }
}

function nextLoss(logits: Tensor, labels: Tensor): Tensor {
  const time = (labels.shape[1] ?? 1) - 1;
  return crossEntropy(sliceAxis(logits, 1, 0, time), sliceAxis(labels, 1, 1, time));
}
