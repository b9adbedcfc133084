import {
  type Context,
  contract,
  Embedding,
  type InputSite,
  Linear,
  type MirrorSizes,
  normalInitializer,
  RMSNorm,
  type RotaryFrequencies,
  type RotaryStretch,
  rotation,
  siteWithin,
  softCap,
  type TakesVectors,
  type TiesWeights,
  tiedPart,
} from '@lorikeet/nn';
import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { keyMask } from '../../attentionMask.ts';
import { keptStates } from '../../keptStates.ts';
import { layerPasts } from '../../layerPasts.ts';
import { lookUp } from '../../lookUp.ts';
import type { Model, ModelInputs, ModelOutputs } from '../../model.ts';
import { nextTokenLoss } from '../../nextTokenLoss.ts';
import { countedPositions } from '../../positions.ts';
import { headSize, keyValueHeads, type LlamaLikeConfig } from './config.ts';
import type { LlamaDesign } from './design.ts';
import { LlamaDecoderLayer } from './layer.ts';
import { ropeOf } from './rope.ts';

/** Llama without a head, or a model of a family like it. Touvron et al. 2023, https://arxiv.org/abs/2302.13971 */
export class LlamaModel implements Model, TakesVectors {
  readonly embed_tokens: Embedding;
  readonly layers: readonly LlamaDecoderLayer[];
  readonly norm: RMSNorm;
  readonly rope: RotaryFrequencies;
  readonly wordScale: number;
  readonly config: LlamaLikeConfig;
  readonly design: LlamaDesign;

  constructor(
    embedTokens: Embedding,
    layers: readonly LlamaDecoderLayer[],
    norm: RMSNorm,
    rope: RotaryFrequencies,
    wordScale: number,
    config: LlamaLikeConfig,
    design: LlamaDesign,
  ) {
    this.embed_tokens = embedTokens;
    this.layers = layers;
    this.norm = norm;
    this.rope = rope;
    this.wordScale = wordScale;
    this.config = config;
    this.design = design;
  }

  static init(config: LlamaLikeConfig, design: LlamaDesign, key: Tensor): LlamaModel {
    const { vocab_size: numEmbeddings, hidden_size: dimension } = config;
    const initializer = normalInitializer(config.initializer_range);
    return new LlamaModel(
      Embedding.init({ numEmbeddings, dimension, initializer }, foldIn(key, 'embed_tokens')),
      Array.from({ length: config.num_hidden_layers }, (_, i) =>
        LlamaDecoderLayer.init(config, design, i, foldIn(key, i)),
      ),
      RMSNorm.init(dimension, config.rms_norm_eps, design.unitNorms ? 1 : 0),
      ropeOf(config, design.ropeKind),
      design.wordScale ?? 1,
      config,
      design,
    );
  }

  get stretch(): RotaryStretch | undefined {
    return this.rope.stretch;
  }

  get inputSite(): InputSite {
    const { config } = this;
    return {
      embedding: 'embed_tokens',
      width: config.hidden_size,
      layers: config.num_hidden_layers,
      heads: config.num_attention_heads,
      keyValueHeads: keyValueHeads(config),
      headSize: headSize(config),
      labels: 'rows',
      blocks: 'layers',
    };
  }

  mirror({ layers, width, inner, heads }: MirrorSizes, key: Tensor): LlamaModel {
    const { config } = this;
    const own = {
      ...config,
      num_hidden_layers: layers,
      hidden_size: width ?? config.hidden_size,
      intermediate_size: inner ?? config.intermediate_size,
      num_attention_heads: heads ?? config.num_attention_heads,
      num_key_value_heads: keyValueHeads(config),
      head_dim: headSize(config),
      ...kindsOf(config.layer_types, layers),
    };
    return LlamaModel.init(own, this.design.resized?.(own) ?? this.design, key);
  }

  embed(ids: Tensor, context: Context): Tensor {
    const { pad_token_id: pad, vocab_size: rows } = this.config;
    const padId = pad !== null && pad < 0 ? rows + pad : pad; // from the end, as in PyTorch
    const words = lookUp('embed_tokens', this.embed_tokens, ids, padId, context);
    return this.wordScale === 1 ? words : words.mul(this.wordScale);
  }

  /** The last hidden state is normalised, as in transformers. */
  call(
    inputs: ModelInputs,
    context: Context,
  ): ModelOutputs & { readonly last_hidden_state: Tensor } {
    let state =
      inputs.inputs_embeds === undefined
        ? this.embed(inputs.input_ids, context)
        : inputs.inputs_embeds; // [B, T, D]
    const turn = rotation(inputs.position_ids ?? countedPositions(inputs), this.rope);
    const mask = keyMask(inputs.attention_mask); // [B, 1, 1, P + T]
    const pasts = layerPasts(inputs);
    const states: Tensor[] = [];
    for (const [i, layer] of this.layers.entries()) {
      states.push(state);
      state = context.call(`layers.${i}`, layer, state, turn, mask, pasts.at(i));
    }
    const last_hidden_state = context.call('norm', this.norm, state);
    const hidden_states = [...states, last_hidden_state];
    return { last_hidden_state, hidden_states, ...pasts.outputs() };
  }
}

/** The kinds of so many layers, the last one again where there are more, for a config that tells them. */
function kindsOf(kinds: unknown, layers: number): { readonly layer_types?: readonly unknown[] } {
  if (!Array.isArray(kinds)) return {};
  return { layer_types: Array.from({ length: layers }, (_, i) => kinds[i] ?? kinds.at(-1)) };
}

/** The next token. The output layer is the word embedding where the config ties them. */
export class LlamaForCausalLM implements Model, TakesVectors, TiesWeights {
  readonly model: LlamaModel;
  readonly lm_head: Linear | null;
  /** Soft cap on the logits. */
  readonly cap: number | null;
  readonly config: LlamaLikeConfig;

  constructor(
    model: LlamaModel,
    lmHead: Linear | null,
    cap: number | null,
    config: LlamaLikeConfig,
  ) {
    this.model = model;
    this.lm_head = lmHead;
    this.cap = cap;
    this.config = config;
  }

  static init(config: LlamaLikeConfig, design: LlamaDesign, key: Tensor): LlamaForCausalLM {
    const sizes = { inFeatures: config.hidden_size, outFeatures: config.vocab_size, bias: false };
    const initializer = normalInitializer(config.initializer_range);
    return new LlamaForCausalLM(
      LlamaModel.init(config, design, foldIn(key, 'model')),
      config.tie_word_embeddings
        ? null
        : Linear.init({ ...sizes, initializer }, foldIn(key, 'lm_head')),
      design.caps?.logits ?? null,
      config,
    );
  }

  get isCausal(): boolean {
    return true;
  }

  get stretch(): RotaryStretch | undefined {
    return this.model.stretch;
  }

  get inputSite(): InputSite {
    return siteWithin('model', this.model, 'tokens');
  }

  get tiedWeights(): Readonly<Record<string, string>> {
    return this.lm_head === null ? { 'lm_head.weight': 'model.embed_tokens.weight' } : {};
  }

  embed(ids: Tensor, context: Context): Tensor {
    return this.model.embed(ids, context.child('model'));
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const { last_hidden_state, ...others } = context.call('model', this.model, inputs);
    const told = keptStates(last_hidden_state, inputs); // [B, N, D]
    // Tied to the table itself, and to those of its adapters that say so: see docs/decisions/0010.
    const scores =
      this.lm_head === null
        ? contract(
            told,
            tiedPart(this.model.embed_tokens.weight),
            { inputAxis: 1 },
            context.child('lm_head'),
          )
        : context.call('lm_head', this.lm_head, told); // [B, N, V]
    const logits = this.cap === null ? scores : softCap(scores, this.cap);
    if (inputs.labels === undefined) return { logits, ...others };
    return { loss: nextTokenLoss(logits, inputs.labels), logits, ...others };
  }
}
