import { z } from 'zod';
import { field } from './fields.ts';

/** The settings that all trainings share. */
export interface RunFields {
  readonly batch_size: number;
  readonly learning_rate: number;
  readonly warmup: number;
  readonly weight_decay: number;
  readonly clip?: number | undefined;
  readonly accumulate: number;
  readonly precision?: 'f16' | 'bf16' | undefined;
  readonly checkpoints?: string | undefined;
  readonly checkpoint_every?: number | undefined;
  readonly log?: string | undefined;
  readonly report?: string | undefined;
  readonly seed: number;
  readonly backend?: string | undefined;
  readonly json: boolean;
}

type Defaults = Pick<
  RunFields,
  'batch_size' | 'learning_rate' | 'warmup' | 'weight_decay' | 'clip'
>;

/** Their fields, with the defaults of a command. */
export function runShape(defaults: Defaults): {
  readonly [Name in keyof RunFields]-?: z.ZodType<RunFields[Name]>;
} {
  const clip = z.number().positive();
  return {
    batch_size: field(z.int().min(1).default(defaults.batch_size), {
      about: 'rows in a batch',
      example: 8,
    }),
    learning_rate: field(z.number().positive().default(defaults.learning_rate), {
      about: 'highest learning rate; it falls to 0 in a line',
      example: 0.0005,
      value: 'x',
    }),
    warmup: field(z.number().min(0).max(1).default(defaults.warmup), {
      about: 'part of the steps in which the rate grows from 0',
      example: 0.1,
      value: 'x',
    }),
    weight_decay: field(z.number().min(0).default(defaults.weight_decay), {
      about: 'weight decay of AdamW',
      example: 0.01,
      value: 'x',
    }),
    clip: field(defaults.clip === undefined ? clip.optional() : clip.default(defaults.clip), {
      about: 'largest norm of all gradients together',
      example: 1,
      value: 'x',
    }),
    accumulate: field(z.int().min(1).default(1), {
      about: 'batches whose gradients make one step',
      example: 4,
    }),
    precision: field(z.enum(['f16', 'bf16']).optional(), {
      about: 'what the model is computed in; its own dtype if not given',
      example: 'bf16',
      value: 'dtype',
    }),
    checkpoints: field(z.string().optional(), {
      about:
        'folder for states of the run; a run that was stopped goes on from the last, to the same bits',
      example: 'runs/spam',
      value: 'dir',
    }),
    checkpoint_every: field(z.int().min(1).optional(), {
      about: 'steps between them; one an epoch if not given',
      example: 200,
    }),
    log: field(z.string().optional(), {
      about: 'a line of JSON for each step and evaluation',
      example: 'runs/spam/log.jsonl',
      value: 'file',
    }),
    report: field(z.string().optional(), {
      about: 'a page with the curves of the run',
      example: 'runs/spam/report.html',
      value: 'file',
    }),
    seed: field(z.int().min(0).default(0), {
      about: 'makes everything random repeatable',
      example: 7,
    }),
    backend: field(z.string().optional(), {
      about: 'backend to compute on; else that of LORIKEET_BACKEND, or the best that is there',
      example: 'onnx',
      value: 'name',
    }),
    json: field(z.boolean().default(false), {
      about: 'print the figures as one JSON object',
      example: true,
    }),
  };
}
