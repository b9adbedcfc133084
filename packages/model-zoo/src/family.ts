import type { Tensor } from '@lorikeet/tensor-core';
import type { z } from 'zod';
import type { Model } from './model.ts';

/** One head of a family. */
export interface Architecture<Config> {
  /** A new model with random weights from `key`. */
  init(config: Config, key: Tensor): Model;
  /** Names that a state dict may have although no tensor of the model is called so: buffers and tied copies. */
  readonly ignored?: RegExp;
}

/** A family of models: everything that Lorikeet knows of it. */
export interface ModelFamily<Config = unknown> {
  /** `model_type` in `config.json`. */
  readonly modelType: string;
  /** Fields with Hugging Face's names and defaults; unknown fields are kept. */
  readonly schema: z.ZodType<Config>;
  /** By the names of transformers' classes. */
  readonly architectures: Readonly<Record<string, Architecture<Config>>>;
}

/** A family with its config's type forgotten, so that families can be listed. */
export function defineFamily<Config>(family: ModelFamily<Config>): ModelFamily {
  return {
    modelType: family.modelType,
    schema: family.schema,
    architectures: Object.fromEntries(
      Object.entries(family.architectures).map(([name, architecture]) => [
        name,
        {
          init: (config: unknown, key: Tensor): Model =>
            architecture.init(family.schema.parse(config), key),
          ...(architecture.ignored === undefined ? {} : { ignored: architecture.ignored }),
        },
      ]),
    ),
  };
}
