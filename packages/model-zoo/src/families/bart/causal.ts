import {
  type Context,
  contract,
  type Embedding,
  type InputSite,
  type Linear,
  siteWithin,
  type TakesVectors,
  type TiesWeights,
  tiedPart,
} from '@lorikeet/nn';
import { crossEntropy, foldIn, LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import type { States } from '../../encoderDecoder.ts';
import { keptStates } from '../../keptStates.ts';
import { layerPasts } from '../../layerPasts.ts';
import type { Model, ModelInputs, ModelOutputs } from '../../model.ts';
import type { BartConfig } from './config.ts';
import { ownHead } from './ownHead.ts';
import { type BartDesign, BartStack } from './stack.ts';
import { bartWords } from './words.ts';

/** The decoder under the name that it has in a whole model. */
class BartDecoderWrapper implements TakesVectors {
  readonly decoder: BartStack;
  readonly config: BartConfig;

  constructor(decoder: BartStack, config: BartConfig) {
    this.decoder = decoder;
    this.config = config;
  }

  get words(): Embedding {
    const { embed_tokens: words } = this.decoder;
    if (words === null) throw new LorikeetError('internal', 'a decoder alone has no words');
    return words;
  }

  get inputSite(): InputSite {
    const { d_model: width, decoder_layers: layers, decoder_attention_heads: heads } = this.config;
    const sizes = { width, layers, heads, keyValueHeads: heads, headSize: width / heads };
    return { embedding: 'decoder.embed_tokens', ...sizes, labels: 'rows' };
  }

  embed(ids: Tensor, context: Context): Tensor {
    return bartWords(this.config, ['embed_tokens', this.words], ids, context.child('decoder'));
  }

  call(inputs: ModelInputs, context: Context): States & Pick<ModelOutputs, 'past_key_values'> {
    const pasts = layerPasts(inputs);
    const states = context.call('decoder', this.decoder, {
      words:
        inputs.inputs_embeds === undefined
          ? this.embed(inputs.input_ids, context)
          : inputs.inputs_embeds, // [B, T, D]
      attentionMask: inputs.attention_mask,
      positions: inputs.position_ids,
      pasts,
    });
    return { ...states, ...pasts.outputs() };
  }
}

/**
 * The decoder of BART alone. What it would read of an encoder has weights, which are not used. Its loss is that of
 * transformers: labels stand at the tokens that tell them, and are not moved.
 */
export class BartForCausalLM implements Model, TakesVectors, TiesWeights {
  readonly model: BartDecoderWrapper;
  readonly lm_head: Linear | null;
  readonly config: BartConfig;

  private constructor(model: BartDecoderWrapper, lmHead: Linear | null, config: BartConfig) {
    this.model = model;
    this.lm_head = lmHead;
    this.config = config;
  }

  static init(config: BartConfig, design: BartDesign, key: Tensor): BartForCausalLM {
    const role = { isDecoder: true, ownsWords: true };
    const decoder = BartStack.init(config, design, role, foldIn(key, 'decoder'));
    const model = new BartDecoderWrapper(decoder, config);
    return new BartForCausalLM(model, ownHead(config, key), config);
  }

  get isCausal(): boolean {
    return true;
  }

  get inputSite(): InputSite {
    return siteWithin('model', this.model, 'tokens');
  }

  get tiedWeights(): Readonly<Record<string, string>> {
    return this.lm_head === null ? { 'lm_head.weight': 'model.decoder.embed_tokens.weight' } : {};
  }

  embed(ids: Tensor, context: Context): Tensor {
    return this.model.embed(ids, context.child('model'));
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const { last, states: hidden_states, ...others } = context.call('model', this.model, inputs);
    // Tied to the table itself, and to those of its adapters that say so: see docs/decisions/0010.
    const rows = this.lm_head === null ? tiedPart(this.model.words.weight) : this.lm_head.weight;
    const own = context.child('lm_head');
    const logits = contract(keptStates(last, inputs), rows, { inputAxis: 1 }, own); // [B, N, V]
    if (inputs.labels === undefined) return { logits, hidden_states, ...others };
    return { loss: crossEntropy(logits, inputs.labels), logits, hidden_states, ...others };
  }
}
