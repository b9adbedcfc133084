import { initModel, lossOf, type Model, type ModelInputs } from '@lorikeet/model-zoo';
import { adamw, Context, combine, partition } from '@lorikeet/nn';
import { adapt, applyTasks, encodeAdapter, isTrainable, settle } from '@lorikeet/peft-lora';
import { evaluate, mapTensors, randomKey, sizeOf, tensor } from '@lorikeet/tensor-core';
import { type CompiledStep, compiledStep, type PlainStep, plainStep } from './makeStep.ts';
import type { BenchmarkModel } from './sizes.ts';
import { stepMethod } from './stepMethods.ts';
import { peftConfigOf } from './variants.ts';

export interface StepSizes {
  readonly batch: number;
  readonly seq: number;
  readonly rank: number;
}

/** A compiled step of an adapter. */
export interface AdapterStep extends CompiledStep {
  /** Its config, as PEFT reads it. */
  readonly adapter: Readonly<Record<string, unknown>>;
  /** How many tasks its rows have, in turn. */
  readonly tasks: number | undefined;
}

/** A compiled step of a model with random weights and a method of `stepMethodNames`: forward, backward and AdamW, no dropout. */
export async function makeTrainingStep(
  model: BenchmarkModel,
  sizes: StepSizes,
  name = 'lora',
): Promise<AdapterStep> {
  const { tuned, taskType, tasks, ...parts } = await adapterParts(model, sizes, name);
  const adapter = peftConfigOf(tuned, taskType === undefined ? {} : { taskType });
  const step = await compiledStep(parts);
  return { ...step, trainable: (await countedByPeft(tuned)) ?? step.trainable, adapter, tasks };
}

/** What PEFT trains of AdaMSS: ours has numbers for each output in all subspaces, and those of others stay 0. */
async function countedByPeft(tuned: Model): Promise<number | undefined> {
  const settled = await settle(tuned);
  if (settled === tuned) return undefined;
  const trained = [...encodeAdapter(settled).tensors].filter(([key]) =>
    /\.adamss_[AB]\.\d+$/.test(key),
  );
  return trained.reduce((total, [, { size }]) => total + size, 0);
}

/** The same step with LoRA, traced anew each time. */
export async function makePlainTrainingStep(
  model: BenchmarkModel,
  sizes: StepSizes,
): Promise<PlainStep> {
  return await plainStep(await adapterParts(model, sizes, 'lora'));
}

async function adapterParts(model: BenchmarkModel, { batch, seq, rank }: StepSizes, name: string) {
  const { config, isCausal } = model;
  const { spec, taskType, tasks } = stepMethod(name, model, rank);
  // What an adapter makes of the base once is no part of a step.
  const tuned = await evaluate(adapt(randomModel(model), spec));
  const [initial, frozen] = partition(tuned, isTrainable);
  const rows = Int32Array.from({ length: batch }, (_, i) => i % (tasks ?? 1));
  const withTasks = (whole: Model): Model =>
    tasks === undefined ? whole : applyTasks(whole, tensor(rows, [batch], 'i32'));
  return {
    tuned,
    taskType,
    tasks,
    initial,
    optimizer: adamw({ learningRate: 1e-3 }),
    inputs: batchOf(Number(config.vocab_size), isCausal, batch, seq),
    loss: (live: typeof initial, inputs: ModelInputs) =>
      lossOf(withTasks(combine(live, frozen)).call(inputs, Context.evaluation)),
  };
}

/** A model with random weights. */
export function randomModel({ config }: BenchmarkModel): Model {
  return randomWeights(initModel(config, randomKey(0)));
}

/** Weights as random as initialisation makes them, but drawn on the host: what is measured is the step. */
function randomWeights<T>(model: T): T {
  let seed = 1;
  const draw = (): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    return seed / 2 ** 31;
  };
  return mapTensors(model, ({ shape, rank }) => {
    const [middle, width] = rank === 1 ? [1, 0.1] : [0, 0.035];
    const values = new Float32Array(sizeOf(shape)).map(() => middle + width * draw());
    return tensor(values, shape);
  });
}

export function batchOf(
  vocabulary: number,
  isCausal: boolean,
  batch: number,
  seq: number,
): ModelInputs {
  const ids = Int32Array.from({ length: batch * seq }, (_, i) => (i * 7919) % vocabulary);
  const classes = Int32Array.from({ length: batch }, (_, i) => i % 2);
  return {
    input_ids: tensor(ids, [batch, seq], 'i32'),
    attention_mask: tensor(new Int32Array(batch * seq).fill(1), [batch, seq], 'i32'),
    labels: isCausal ? tensor(ids, [batch, seq], 'i32') : tensor(classes, [batch], 'i32'),
  };
}
