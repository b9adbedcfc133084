import {
  type AttentionSite,
  afterPast,
  type Context,
  Embedding,
  type InputSite,
  type KeyValues,
  Linear,
  type Mirrored,
  type MirrorSizes,
  materialize,
  mergeHeads,
  type OpenAttention,
  splitHeads,
} from '@lorikeet/nn';
import {
  attention,
  crossEntropy,
  foldIn,
  greater,
  iota,
  normal,
  ones,
  rmsNorm,
  sliceAxis,
  type Tensor,
  tanh,
  tensor,
} from '@lorikeet/tensor-core';
import { noise, noiseTensor } from '../noise.ts';

const [width, heads, rows, positions] = [4, 2, 6, 10];

/** Gives numbers of about the size of those that it takes. */
function linear(outputs: number, inputs: number, seed: number): Linear {
  const weight = noise(seed, outputs * inputs).map((value) => value / Math.sqrt(inputs));
  return new Linear(
    tensor(Float64Array.from(weight), [outputs, inputs], 'f64'),
    noiseTensor([outputs], seed + 50),
  );
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
  /** [B, T, D] */
  readonly last_hidden_state: Tensor;
  /** Of telling each token from those before it; with labels only. */
  readonly loss?: Tensor;
  /** Of each layer, with `use_cache` only. */
  readonly past_key_values?: readonly KeyValues[];
}

/**
 * States of mean square 1, whatever an adapter adds to them: scores of thousands, and arguments of tanh near 100, leave of
 * gradients in f32 what their own rounding makes of them.
 */
function unit(x: Tensor): Tensor {
  return rmsNorm(x, ones([width], x.dtype), 1e-5);
}

/** One layer of a reader. */
class ReaderBlock {
  readonly attention: ReaderAttention;
  readonly inner: Linear;

  constructor(seed: number) {
    this.attention = new ReaderAttention(seed);
    this.inner = linear(width, width, seed + 10);
  }

  call(x: Tensor, ...[mask, past, context]: Rest): Tensor {
    const state = x.add(context.call('attention', this.attention, unit(x), mask, past));
    return state.add(tanh(context.call('inner', this.inner, unit(state))));
  }
}

/** A reader without attention, of any size: the small model of adapters that have one of the model's kind. */
class SmallReader implements Mirrored {
  readonly words: Embedding;
  readonly layers: readonly { readonly up: Linear; readonly down: Linear }[];

  constructor({ layers, width: own, inner, heads: extra }: MirrorSizes, key: Tensor) {
    const side = own ?? width;
    const between = (inner ?? side) + (extra ?? heads);
    this.words = new Embedding(normal(foldIn(key, 'words'), [rows, side]));
    this.layers = Array.from({ length: layers }, (_, i) => ({
      up: Linear.init({ inFeatures: side, outFeatures: between }, foldIn(key, 2 * i)),
      down: Linear.init({ inFeatures: between, outFeatures: side }, foldIn(key, 2 * i + 1)),
    }));
  }

  get inputSite(): InputSite {
    const [, side = 0] = materialize(this.words.weight).shape;
    const sizes = { width: side, layers: this.layers.length, heads: 1, keyValueHeads: 1 };
    return { embedding: 'words', ...sizes, headSize: side, labels: 'rows' };
  }

  mirror(sizes: MirrorSizes, key: Tensor): SmallReader {
    return new SmallReader(sizes, key);
  }

  embed(ids: Tensor, context: Context): Tensor {
    return context.call('words', this.words, ids);
  }

  call(inputs: ReaderInputs, context: Context): { readonly last_hidden_state: Tensor } {
    let state = inputs.inputs_embeds ?? this.embed(wordsOf(inputs), context);
    for (const [i, { up, down }] of this.layers.entries()) {
      const own = context.child(i);
      state = state.add(tanh(own.call('down', down, tanh(own.call('up', up, state)))));
    }
    return { last_hidden_state: state };
  }
}

function wordsOf({ input_ids }: ReaderInputs): Tensor {
  if (input_ids === undefined) throw new Error('a reader is called without tokens');
  return input_ids;
}

/** A small causal model in f64, with all places where an adapter that changes no weight can be. */
export class Reader implements Mirrored {
  readonly words: Embedding = new Embedding(noiseTensor([rows, width], 1));
  readonly places: Embedding = new Embedding(noiseTensor([positions, width], 2));
  readonly layers: readonly ReaderBlock[] = [new ReaderBlock(10), new ReaderBlock(30)];
  readonly lm_head: Linear = linear(rows, width, 60);

  get inputSite(): InputSite {
    const { length: layers } = this.layers;
    const own = { width, layers, heads, keyValueHeads: heads, headSize: width / heads };
    return { embedding: 'words', ...own, labels: 'tokens', blocks: 'layers' };
  }

  mirror(sizes: MirrorSizes, key: Tensor): SmallReader {
    return new SmallReader(sizes, key);
  }

  embed(ids: Tensor, context: Context): Tensor {
    return context.call('words', this.words, ids);
  }

  call(inputs: ReaderInputs, context: Context): ReaderOutputs {
    const { attention_mask, past_key_values: past, labels, use_cache } = inputs;
    const words = inputs.inputs_embeds ?? this.embed(wordsOf(inputs), context);
    const time = words.shape[1] ?? 0;
    const start = past?.[0]?.key.shape[2] ?? 0;
    const at = inputs.position_ids ?? iota([1, time], 1).add(start);
    let state = words.add(context.call('places', this.places, at));
    const mask = attention_mask && greater(attention_mask.reshape([-1, 1, 1, start + time]), 0);
    const kept: KeyValues[] = [];
    for (const [i, block] of this.layers.entries()) {
      const own = context.child('layers').child(i);
      if (use_cache === true) {
        const mine = block.attention.keyValues(unit(state), own.child('attention'));
        kept.push(afterPast(past?.[i], mine));
      }
      state = own.call('block', block, state, mask, past?.[i]);
    }
    const logits = context.call('lm_head', this.lm_head, state);
    return {
      logits,
      last_hidden_state: state,
      ...(labels && { loss: nextLoss(logits, labels) }),
      ...(use_cache === true && { past_key_values: kept }),
    };
  }
}

function nextLoss(logits: Tensor, labels: Tensor): Tensor {
  const time = (labels.shape[1] ?? 1) - 1;
  return crossEntropy(sliceAxis(logits, 1, 0, time), sliceAxis(labels, 1, 1, time));
}
