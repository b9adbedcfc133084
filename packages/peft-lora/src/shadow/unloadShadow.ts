import {
  at,
  type Context,
  Embedding,
  type InputSite,
  Linear,
  type Mirrored,
  materialize,
  type Projected,
  type TakesVectors,
} from '@lorikeet/nn';
import { LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import { moduleAdapters } from '../modules/moduleAdapter.ts';
import type { ModuleState } from '../modules/moduleVariant.ts';
import { modelOf, promptInputsOf } from '../prompts/promptInputs.ts';
import { parseConfig } from '../variant.ts';
import { shadowVariant } from '../variants/shadow.ts';
import { seedStates } from './seedStates.ts';
import type { ShadowConfig } from './shadowConfig.ts';
import { shadowOutputs } from './shadowOutputs.ts';
import {
  isShadowParameters,
  readingBackbone,
  type ShadowParameters,
  sharesWords,
  withTable,
} from './shadowParts.ts';

/** What a shadow gives alone. */
export interface DetachedOutputs {
  /** [B, T, D] */
  readonly last_hidden_state: Tensor;
  /** [B, T, V], or [B, L] of a classifier. */
  readonly logits?: Tensor;
  readonly loss?: Tensor;
  /** With `use_cache`. */
  readonly past_key_values?: readonly unknown[] | undefined;
}

/**
 * The small model of a shadow by itself: `head(projection(backbone(x)))`. It can be the small model of another adapter:
 * `shadow({ shadowModel }, detached)`.
 */
export class DetachedShadow implements TakesVectors, Projected {
  readonly parameters: ShadowParameters;
  /** The model's table of words, where it reads them or tells them. */
  readonly words: Embedding | null;
  readonly lm_head: unknown;
  readonly config: ShadowConfig;

  constructor(model: object, state: ModuleState<ShadowParameters>, config: ShadowConfig) {
    const { parameters } = state;
    const words = at(model, modelOf(model).inputSite.embedding);
    const output: unknown = Reflect.get(model, 'lm_head');
    const isRead = sharesWords(parameters, config) || output === null;
    this.words = isRead && words instanceof Embedding ? words : null;
    // Updates behind the blocks of a model have nothing to read without it.
    this.parameters = { ...parameters, backbone: readingBackbone(state, config), layers: {} };
    this.lm_head = output instanceof Linear || output === null ? output : undefined;
    this.config = config;
  }

  /** With the words that it reads, whosever they are. */
  get backbone(): Mirrored {
    const { parameters, words, config } = this;
    const isShared = sharesWords(parameters, config) && words !== null;
    return isShared
      ? withTable(parameters.backbone, materialize(words.weight))
      : parameters.backbone;
  }

  get projection(): Linear | null {
    return this.parameters.projection;
  }

  get isCausal(): boolean {
    return this.parameters.head === null;
  }

  get inputSite(): InputSite {
    const { inputSite } = this.parameters.backbone;
    const embedding = this.words === null ? `parameters.backbone.${inputSite.embedding}` : 'words';
    // Its keys and values are all there are.
    return { ...inputSite, embedding, layers: 0, labels: this.isCausal ? 'tokens' : 'rows' };
  }

  embed(ids: Tensor, context: Context): Tensor {
    const isShared = sharesWords(this.parameters, this.config);
    if (isShared && this.words !== null) return context.call('words', this.words, ids);
    return this.parameters.backbone.embed(ids, context.child('backbone'));
  }

  call(inputs: object, context: Context): DetachedOutputs {
    const given = promptInputsOf([inputs]);
    const { parameters, config } = this;
    const { states, past } = seedStates(this, { parameters, frozen: {} }, config, given, context);
    const outputs = shadowOutputs(this, states, parameters.head, given, context.child('head'));
    return { ...outputs, last_hidden_state: states, past_key_values: past };
  }
}

/**
 * The small model of a `shadow` without the model that it goes with: for where that is too large. Tensors are those of the adapter
 * and, for words, of the model.
 *
 * @throws LorikeetError `no-match` if there is no such adapter of that name.
 */
export function unloadShadow(tuned: unknown, name = 'default'): DetachedShadow {
  for (const { module, adapter } of moduleAdapters(tuned)) {
    const { variant, config } = adapter.settings;
    if (adapter.name !== name || variant.name !== shadowVariant.name) continue;
    if (isShadowParameters(adapter.parameters))
      return new DetachedShadow(
        module,
        { parameters: adapter.parameters, frozen: adapter.frozen },
        parseConfig(shadowVariant, config),
      );
  }
  throw new LorikeetError('no-match', `the model has no shadow '${name}'`, { received: name });
}
