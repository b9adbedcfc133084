import { z } from 'zod';
import { type Fields, field, fieldsOf } from '../fields/fields.ts';
import { type RunFields, runShape } from '../fields/runFields.ts';
import { tasks } from '../tasks/findTask.ts';

/** What is learnt, on what, by what method. */
export interface TrialFields {
  readonly model: string;
  readonly task: string;
  readonly data: string;
  readonly evaluation_data?: string | undefined;
  readonly method: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly rank?: number | undefined;
  readonly alpha?: number | undefined;
  readonly targets?: readonly string[] | undefined;
  readonly train?: readonly string[] | undefined;
  readonly random_model: boolean;
  readonly epochs: number;
  readonly max_steps?: number | undefined;
  readonly max_length: number;
  readonly examples?: number | undefined;
  readonly evaluation?: number | undefined;
}

export interface FinetuneConfig extends TrialFields, RunFields {
  readonly output: string;
}

/** Their fields. */
export const trialShape: { readonly [Name in keyof TrialFields]-?: z.ZodType<TrialFields[Name]> } =
  {
    model: field(z.string().min(1), {
      about: 'folder of the base model, with its tokenizer, or its name on the hub',
      example: 'checkpoints/lorikeet-bert',
      value: 'dir',
    }),
    task: field(z.string().default('classification'), {
      about: `what is learnt: ${tasks.map(({ name, about }) => `${name} (${about})`).join(', ')}`,
      example: 'tagging',
      value: 'name',
    }),
    data: field(z.string().min(1), {
      about: `.jsonl, .json, .csv, .tsv or .parquet with the columns of the task: ${tasks.map(({ name, columns }) => `${name}: ${columns}`).join('. ')}`,
      example: 'mail.jsonl',
      value: 'file',
    }),
    evaluation_data: field(z.string().optional(), {
      about:
        'a file to evaluate on; without it examples are held out, or those that the data have for it are used',
      example: 'mail-test.jsonl',
      value: 'file',
    }),
    method: field(z.string().default('lora'), {
      about:
        'any method of peft-lora by its name, dora, adapters, prefix, bitfit, full, or head, which trains nothing else',
      example: 'dora',
      value: 'name',
    }),
    options: field(z.record(z.string(), z.unknown()).default({}), {
      about: "the method's options",
      example: { dropout: 0.1 },
    }),
    rank: field(z.int().min(1).optional(), {
      about: 'rank of the update, where the method has one; 8 for lora',
      example: 16,
    }),
    alpha: field(z.number().positive().optional(), {
      about: 'scale of the update; twice the rank for lora',
      example: 32,
      value: 'x',
    }),
    targets: field(z.array(z.string()).min(1).optional(), {
      about: 'modules to adapt; those that suit the method and the family if not given',
      example: ['**.query', '**.value'],
      value: 'selectors',
    }),
    train: field(z.array(z.string()).optional(), {
      about:
        'modules that train whole; a head of classes and what the checkpoint lacks if not given',
      example: ['classifier'],
      value: 'selectors',
    }),
    random_model: field(z.boolean().default(false), {
      about:
        'start from new weights in place of those of the checkpoint, to tell what they are worth',
      example: true,
    }),
    epochs: field(z.int().min(1).default(3), { about: 'times through the data', example: 5 }),
    max_steps: field(z.int().min(1).optional(), { about: 'no more steps than that', example: 500 }),
    max_length: field(z.int().min(2).default(128), {
      about: 'tokens of a text that count',
      example: 256,
    }),
    examples: field(z.int().min(1).optional(), {
      about: 'few-shot: so many examples to train on, drawn by the seed, of each class as many',
      example: 100,
    }),
    evaluation: field(z.int().min(1).optional(), {
      about:
        'examples to evaluate on, drawn by the seed; 100 are held out where the data have none for it',
      example: 200,
    }),
  };

/** The fields of `fit` and the optimiser, with the defaults of fine-tuning. */
export const tuningShape: ReturnType<typeof runShape> = runShape({
  batch_size: 16,
  learning_rate: 1e-3,
  warmup: 0,
  weight_decay: 0.01,
  clip: undefined,
});

export const finetuneFields: Fields<FinetuneConfig> = fieldsOf<FinetuneConfig>({
  ...trialShape,
  output: field(z.string().min(1), {
    about: 'folder for the adapter, or for the model if the method changes it whole',
    example: 'spam-lora',
    value: 'dir',
  }),
  ...tuningShape,
});
