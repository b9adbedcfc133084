import { describeLaws, moduleAdapterLaws } from '@lorikeet/laws';
import { type Context, Embedding, type InputSite, Linear, type Mirrored } from '@lorikeet/nn';
import { shadowOf } from '@lorikeet/peft-lora';
import { normal, randomKey, type Tensor, tanh } from '@lorikeet/tensor-core';
import { describe, test } from 'vitest';

/** A model of six words that reads each token by itself. */
class Small implements Mirrored {
  readonly words: Embedding;
  readonly inner: Linear;
  readonly width: number;

  constructor(width: number) {
    this.words = new Embedding(normal(randomKey(1), [6, width]));
    this.inner = Linear.init({ inFeatures: width, outFeatures: width }, randomKey(2));
    this.width = width;
  }

  get inputSite(): InputSite {
    const site = { layers: 1, heads: 1, keyValueHeads: 1, headSize: this.width };
    return { embedding: 'words', width: this.width, ...site, labels: 'rows' };
  }

  mirror(): Mirrored {
    throw new Error('a model that was trained before is not mirrored');
  }

  embed(ids: Tensor, context: Context): Tensor {
    return context.call('words', this.words, ids);
  }

  call(
    inputs: { readonly input_ids?: Tensor; readonly inputs_embeds?: Tensor },
    context: Context,
  ): { readonly last_hidden_state: Tensor } {
    const { input_ids, inputs_embeds } = inputs;
    const vectors = inputs_embeds ?? (input_ids && this.embed(input_ids, context));
    if (vectors === undefined) throw new Error('nothing to read');
    return { last_hidden_state: tanh(context.call('inner', this.inner, vectors)) };
  }
}

describe.each([4, 3])('a small model of width %i beside one of width 4', (width) => {
  describeLaws('shadow', moduleAdapterLaws(shadowOf(new Small(width))), { describe, test });
});
