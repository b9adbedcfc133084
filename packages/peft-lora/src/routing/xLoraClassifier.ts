import { type Context, Linear } from '@lorikeet/nn';
import { foldIn, mul, relu, reshape, type Tensor } from '@lorikeet/tensor-core';
import { keepLargest, topGates } from './topGates.ts';

export interface XLoraOptions {
  /** Width of the hidden states that it reads. */
  readonly hiddenSize: number;
  /** Places with adapters: `routedPlaces(tuned).length`. */
  readonly places: number;
  /** Adapters at each of them. */
  readonly adapters: number;
  /** Linear layers. Defaults to 1. */
  readonly depth?: number;
  /** Width between them. Defaults to 2048. */
  readonly size?: number;
  /** Probability with which an element between them is dropped in training. Defaults to 0.2. */
  readonly dropout?: number;
  /** Whether each place has gates of its own. Defaults to false: one set for all. */
  readonly layerwise?: boolean;
  /** Adapters that count for a token; all by default. */
  readonly topK?: number;
  /** The higher, the more alike they count. Defaults to 1. */
  readonly temperature?: number;
  /** Whether there is ReLU, and dropout in training, between the layers. Defaults to true; in PEFT's files to false. */
  readonly activates?: boolean;
  /** Whether the layers have biases. Defaults to true. */
  readonly bias?: boolean;
  /**
   * Of which gates the softmax is: of the `topK` largest, the others being 0; of all, of which the `topK` largest are then
   * kept as they are; `null` keeps the largest numbers themselves. Defaults to `top`.
   */
  readonly softmax?: 'top' | 'all' | null;
  /** What all gates are multiplied with in the end. Defaults to 1. */
  readonly globalWeight?: number;
}

/** The options with their defaults. A class, so that tree walks leave it alone. */
class XLoraSettings {
  readonly hiddenSize: number;
  readonly adapters: number;
  readonly depth: number;
  readonly size: number;
  readonly dropout: number;
  readonly topK: number | null;
  readonly temperature: number;
  readonly activates: boolean;
  readonly bias: boolean;
  readonly softmax: 'top' | 'all' | null;
  readonly globalWeight: number;
  readonly layerwise: boolean;
  /** Sets of gates for a token. */
  readonly sets: number;

  constructor(options: XLoraOptions) {
    this.hiddenSize = options.hiddenSize;
    this.adapters = options.adapters;
    this.depth = options.depth ?? 1;
    this.size = options.size ?? 2048;
    this.dropout = options.dropout ?? 0.2;
    this.topK = options.topK ?? null;
    this.temperature = options.temperature ?? 1;
    this.activates = options.activates ?? true;
    this.bias = options.bias ?? true;
    this.softmax = options.softmax === undefined ? 'top' : options.softmax;
    this.globalWeight = options.globalWeight ?? 1;
    this.layerwise = options.layerwise === true;
    this.sets = this.layerwise ? options.places : 1;
  }
}

/**
 * The classifier of X-LoRA: from the hidden states of a first pass without adapters, gates for each token and place of a
 * second one. Only it trains; the adapters stay as they are. Buehler and Buehler 2024, https://arxiv.org/abs/2402.07148
 *
 * @example
 * const hidden = lastHidden(disable(tuned).call(inputs, context)); // [B, T, D]
 * const outputs = applyScalings(tuned, classifier.call(hidden, context)).call(inputs, context);
 */
export class XLoraClassifier {
  readonly layers: readonly Linear[];
  /** Static. */
  readonly options: XLoraSettings;

  constructor(layers: readonly Linear[], options: XLoraSettings) {
    this.layers = layers;
    this.options = options;
  }

  static init(options: XLoraOptions, key: Tensor): XLoraClassifier {
    const settings = new XLoraSettings(options);
    const { depth, size, hiddenSize, sets, adapters, bias } = settings;
    const layers = Array.from({ length: depth }, (_, i) =>
      Linear.init(
        {
          inFeatures: i === 0 ? hiddenSize : size,
          outFeatures: i === depth - 1 ? sets * adapters : size,
          bias,
        },
        foldIn(key, i),
      ),
    );
    return new XLoraClassifier(layers, settings);
  }

  /** @param hidden [B, T, D] @returns [B, T, places or 1, adapters], which with a softmax sum to `globalWeight` over the adapters, or less where some are left out. */
  call(hidden: Tensor, context: Context): Tensor {
    const { adapters, dropout, activates, topK, temperature, softmax, globalWeight, sets } =
      this.options;
    let x = hidden;
    for (const [i, layer] of this.layers.entries()) {
      const own = context.child(i);
      if (i > 0 && activates) x = own.dropout(relu(x), dropout);
      x = layer.call(x, own);
    }
    const logits = reshape(x, [...x.shape.slice(0, -1), sets, adapters]);
    if (softmax === 'top') return mul(topGates(logits, topK, temperature), globalWeight);
    const gates = softmax === 'all' ? topGates(logits, null, temperature) : logits;
    return mul(keepLargest(gates, topK), globalWeight);
  }
}
