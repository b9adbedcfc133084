import { z } from 'zod';
import { type Fields, field, fieldsOf } from '../fields/fields.ts';
import { type RunFields, runShape } from '../fields/runFields.ts';

export interface PretrainConfig extends RunFields {
  readonly model_config: string | Readonly<Record<string, unknown>>;
  readonly data: readonly string[];
  readonly output: string;
  readonly tokenizer?: string | undefined;
  readonly vocabulary: number;
  readonly length: number;
  readonly masked: number;
  readonly embeddings: 'random' | 'neighbours';
  readonly steps: number;
  readonly evaluation: number;
  readonly evaluate_every: number;
  readonly dtype: 'f32' | 'f16' | 'bf16';
}

export const pretrainFields: Fields<PretrainConfig> = fieldsOf<PretrainConfig>({
  model_config: field(z.union([z.string(), z.record(z.string(), z.unknown())]), {
    about:
      'config.json of the new model, or its fields; its vocab_size becomes that of the tokenizer',
    example: 'bert-small.json',
    value: 'file',
  }),
  data: field(z.array(z.string()).min(1), {
    about: 'texts: .txt, the column text of .jsonl, .csv, .tsv or .parquet, or stdlib:prose',
    example: ['stdlib:prose', 'notes.txt'],
    value: 'files',
  }),
  output: field(z.string().min(1), {
    about: 'folder for the model and its tokenizer',
    example: 'checkpoints/bert',
    value: 'dir',
  }),
  tokenizer: field(z.string().optional(), {
    about: 'folder of a tokenizer; without it one is trained on the data',
    example: 'bert-base-uncased',
    value: 'dir',
  }),
  vocabulary: field(z.int().min(1).default(8000), {
    about: 'tokens of a new tokenizer at most',
    example: 6000,
  }),
  length: field(z.int().min(4).default(128), { about: 'tokens of a row', example: 256 }),
  masked: field(z.number().positive().lt(1).default(0.15), {
    about: 'part of the tokens that are to be told, of an encoder, or that are lost',
    example: 0.25,
    value: 'x',
  }),
  embeddings: field(z.enum(['random', 'neighbours']).default('random'), {
    about:
      'what embeddings start with: random numbers, or, for tokens, which stand near which in the data, and waves for positions',
    example: 'neighbours',
    value: 'kind',
  }),
  steps: field(z.int().min(1).default(10_000), { about: 'steps in all', example: 2000 }),
  evaluation: field(z.int().min(1).default(64), {
    about: 'rows held out, on which the loss is told',
    example: 128,
  }),
  evaluate_every: field(z.int().min(1).default(500), {
    about: 'steps between evaluations',
    example: 100,
  }),
  dtype: field(z.enum(['f32', 'f16', 'bf16']).default('f32'), {
    about: 'what weights are saved in',
    example: 'f16',
    value: 'name',
  }),
  ...runShape({ batch_size: 32, learning_rate: 1e-3, warmup: 0.05, weight_decay: 0.01, clip: 1 }),
});
