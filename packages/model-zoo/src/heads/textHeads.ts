import { Dropout, LayerNorm, Linear, normalInitializer } from '@lorikeet/nn';
import { foldIn, type Tensor, zeros } from '@lorikeet/tensor-core';
import type { HeadDesign } from './headedModel.ts';
import type { HeadLayer, HeadStep } from './headStep.ts';
import { type LabelFields, labelCount } from './labelFields.ts';
import { choiceTask, nextTask, spanTask, textTask, tokenTask } from './task.ts';

/** What the heads of an encoder need of its config. */
export interface HeadFields extends LabelFields {
  readonly hidden_size: number;
  readonly initializer_range: number;
  readonly tie_word_embeddings: boolean;
  readonly vocab_size: number;
  readonly [field: string]: unknown;
}

/** A linear layer with the first values of a family that draws all of them alike. */
export function headLinear(
  { initializer_range }: Pick<HeadFields, 'initializer_range'>,
  [inFeatures, outFeatures]: readonly [inFeatures: number, outFeatures: number],
  key: Tensor,
  bias = true,
): Linear {
  const initializer = normalInitializer(initializer_range);
  return Linear.init({ inFeatures, outFeatures, bias, initializer }, key);
}

type Rate<Config> = (config: Config) => number;

/** Dropout and one layer on each token. */
export function tokenHead<Config extends HeadFields>(rate: Rate<Config>): HeadDesign<Config> {
  return {
    task: tokenTask,
    parts: (config, key) => ({
      dropout: new Dropout(rate(config)),
      classifier: headLinear(
        config,
        [config.hidden_size, labelCount(config)],
        foldIn(key, 'classifier'),
      ),
    }),
    steps: () => [{ layer: 'dropout' }, { layer: 'classifier' }],
  };
}

/** One layer on each token, that tells whether an answer starts or ends there. */
export function spanHead<Config extends HeadFields>(): HeadDesign<Config> {
  return {
    task: spanTask,
    parts: (config, key) => ({
      qa_outputs: headLinear(config, [config.hidden_size, 2], foldIn(key, 'qa_outputs')),
    }),
    steps: () => [{ layer: 'qa_outputs' }],
  };
}

/** How a text becomes one vector before the classifier. */
export interface Pooling<Config> {
  readonly parts?: (config: Config, key: Tensor) => Readonly<Record<string, HeadLayer>>;
  readonly steps?: (config: Config) => readonly HeadStep[];
  /** The base has done it. */
  readonly pooled?: boolean;
}

/** Some layers that make one vector of a text, dropout, and a classifier. */
export function textHead<Config extends HeadFields>(
  pooling: Pooling<Config>,
  rate: Rate<Config>,
): HeadDesign<Config> {
  return classifierOn(pooling, rate, { task: textTask, outputs: labelCount });
}

/** The same that tells which of several texts it is. */
export function choiceHead<Config extends HeadFields>(
  pooling: Pooling<Config>,
  rate: Rate<Config>,
): HeadDesign<Config> {
  return classifierOn(pooling, rate, { task: choiceTask, outputs: () => 1 });
}

function classifierOn<Config extends HeadFields>(
  pooling: Pooling<Config>,
  rate: Rate<Config>,
  what: Pick<HeadDesign<Config>, 'task'> & { outputs(config: Config): number },
): HeadDesign<Config> {
  return {
    task: what.task,
    pooled: pooling.pooled ?? false,
    parts: (config, key) => ({
      ...pooling.parts?.(config, key),
      dropout: new Dropout(rate(config)),
      classifier: headLinear(
        config,
        [config.hidden_size, what.outputs(config)],
        foldIn(key, 'classifier'),
      ),
    }),
    steps: (config) => [
      ...(pooling.steps?.(config) ?? []),
      { layer: 'dropout' },
      { layer: 'classifier' },
    ],
  };
}

/** Where a masked language model keeps its layers: paths in the state dict. */
export interface MaskedPaths {
  readonly dense: string;
  readonly norm: string;
  readonly decoder: string;
  readonly bias: string;
  /** Of the embedding of words. */
  readonly words: string;
}

/** What the head for masked words needs of a config. */
interface WordFields extends LabelFields {
  readonly initializer_range: number;
  readonly tie_word_embeddings: boolean;
  readonly vocab_size: number;
  readonly [field: string]: unknown;
}

/** The words that were masked: a layer, a norm, and the product with the rows of words, or with a layer of its own. */
export function maskedHead<Config extends WordFields>(options: {
  readonly paths: (config: Config) => MaskedPaths;
  readonly activation: (config: Config) => string;
  /** Widths of the model and of the rows of words, and what the norm adds. */
  readonly sizes: (config: Config) => {
    readonly hidden: number;
    readonly words: number;
    readonly epsilon: number;
  };
  /** Whether there is no layer to be had: the words are used however the config is. Defaults to false. */
  readonly alwaysTied?: (config: Config) => boolean;
}): HeadDesign<Config> {
  const isTied = (config: Config): boolean =>
    config.tie_word_embeddings || options.alwaysTied?.(config) === true;
  return {
    task: tokenTask,
    parts: (config, key) => {
      const { dense, norm, bias, decoder } = options.paths(config);
      const { hidden, words, epsilon } = options.sizes(config);
      const out = isTied(config)
        ? { [bias]: zeros([config.vocab_size]) }
        : {
            [decoder]: headLinear(config, [words, config.vocab_size], foldIn(key, decoder)),
          };
      return {
        [dense]: headLinear(config, [hidden, words], foldIn(key, dense)),
        [norm]: LayerNorm.init(words, epsilon),
        ...out,
      };
    },
    steps: (config) => {
      const { dense, norm, decoder, bias, words } = options.paths(config);
      const activation = options.activation(config);
      const out = isTied(config) ? { words, decoder, bias } : { layer: decoder, bias };
      return [{ layer: dense }, { activation }, { layer: norm }, out];
    },
  };
}

/** Sizes of a model with `hidden_size`, whose words are as wide as it. */
export function plainSizes(config: {
  readonly hidden_size: number;
  readonly layer_norm_eps: number;
}): { readonly hidden: number; readonly words: number; readonly epsilon: number } {
  const { hidden_size: hidden, layer_norm_eps: epsilon } = config;
  return { hidden, words: hidden, epsilon };
}

/** The next token: the product with the rows of words, or with a layer of its own. */
export function nextHead<Config extends HeadFields>(
  decoder: string,
  words: string,
  width: (config: Config) => number = ({ hidden_size }) => hidden_size,
): HeadDesign<Config> {
  return {
    task: nextTask,
    parts: (config, key) =>
      config.tie_word_embeddings
        ? {}
        : {
            [decoder]: headLinear(
              config,
              [width(config), config.vocab_size],
              foldIn(key, decoder),
              false,
            ),
          },
    steps: ({ tie_word_embeddings }) =>
      tie_word_embeddings ? [{ words, decoder }] : [{ layer: decoder }],
  };
}

/** What the heads of a decoder that tell of a text need of its config. */
interface ScoreFields extends LabelFields {
  readonly initializer_range: number;
  readonly pad_token_id?: number | null | undefined;
  readonly [field: string]: unknown;
}

/** A class, or numbers, for a whole text, from its last token, which has seen all others. */
export function lastTokenHead<Config extends ScoreFields>(
  width: (config: Config) => number,
): HeadDesign<Config> {
  return {
    task: textTask,
    parts: (config, key) => ({
      score: headLinear(config, [width(config), labelCount(config)], foldIn(key, 'score'), false),
    }),
    steps: ({ pad_token_id: padding }) => [{ layer: 'score' }, { takeLastBut: padding ?? null }],
  };
}
