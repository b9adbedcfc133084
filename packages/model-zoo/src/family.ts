import type { Tensor } from '@lorikeet/tensor-core';
import type { z } from 'zod';
import type { Model } from './model.ts';

/** One class of a family: the base model, or the base model with a head. */
export interface Architecture<Config> {
  /** A new model with random weights from `key`. */
  init(config: Config, key: Tensor): Model;
  /** Further names that a checkpoint may have and this class has no use for. */
  readonly ignored?: RegExp;
  /** Names that a checkpoint may lack: what is not there starts as in a new model. */
  readonly optional?: RegExp;
  /** Names of tensors that no training changes. */
  readonly frozen?: RegExp;
}

/** A family of models: everything that Lorikeet knows of it. */
export interface ModelFamily<Config = unknown> {
  /** `model_type` in `config.json`. */
  readonly modelType: string;
  /** Fields with Hugging Face's names and defaults; unknown fields are kept. */
  readonly schema: z.ZodType<Config>;
  /** The field that holds the base model in models with a head. Checkpoints of the base model lack it in their names. */
  readonly base: string;
  /** How names ended in old checkpoints, and how they end now. */
  readonly renamed?: Readonly<Record<string, string>>;
  /** Ends of names that a checkpoint may lack, and of those whose tensors it then has for them, too. */
  readonly standIns?: Readonly<Record<string, string>>;
  /** Names that a checkpoint may have although no tensor of a model is called so, such as buffers. */
  readonly ignored?: RegExp;
  /** By the names of transformers' classes. */
  readonly architectures: Readonly<Record<string, Architecture<Config>>>;
}

/** A family with its config's type forgotten, so that families can be listed. */
export function defineFamily<Config>(family: ModelFamily<Config>): ModelFamily {
  return {
    ...family,
    architectures: Object.fromEntries(
      Object.entries(family.architectures).map(([name, architecture]) => [
        name,
        {
          ...architecture,
          init: (config: unknown, key: Tensor): Model =>
            architecture.init(family.schema.parse(config), key),
        },
      ]),
    ),
  };
}
