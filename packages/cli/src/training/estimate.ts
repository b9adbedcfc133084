import type { ModelInputs } from '@lorikeet/model-zoo';
import { Context, partition, paths } from '@lorikeet/nn';
import { type StepMemory, stepMemory } from '@lorikeet/peft-lora';
import { compile, dot, normal, randomKey, type Tensor } from '@lorikeet/tensor-core';
import { type Trial, trialLoss } from './trial.ts';

/** What a run will take, before it does it. */
export interface Estimate {
  readonly memory: StepMemory;
  /** Bytes in all; without intermediate results where they are not known. */
  readonly bytes: number;
  /** Seconds of training, to about a factor of 2. */
  readonly seconds: number;
}

/** Part of the speed of large products that a step of training reaches, as measured on small models. */
const efficiency = 0.5;

/** Records one step, and times a product of matrices: the model itself is not run. */
export async function estimateTrial(trial: Trial): Promise<Estimate | undefined> {
  const batch = await firstBatch(trial);
  if (batch === undefined) return undefined;
  const { model, isTrained, totalSteps, config } = trial;
  const loss = trialLoss(trial);
  const memory = stepMemory(model, {
    trainable: isTrained,
    loss: (current) => loss(current, batch, Context.evaluation),
  });
  const { weights, gradients, optimizer, intermediates } = memory;
  const flops = flopsOf(trial, batch.input_ids?.size ?? 0) * config.accumulate;
  return {
    memory,
    bytes: weights + gradients + optimizer + (intermediates ?? 0),
    seconds: (totalSteps * flops) / ((await productSpeed()) * efficiency),
  };
}

async function firstBatch({ open, examples, config }: Trial): Promise<ModelInputs | undefined> {
  const some = examples.training.slice(0, config.batch_size);
  for await (const { inputs } of open.batches(some, { size: config.batch_size })) return inputs;
  return undefined;
}

/** A product forwards, one backwards to the inputs, and one to each weight that trains. */
function flopsOf({ model, isTrained }: Trial, tokens: number): number {
  const [live, frozen] = partition(model, isTrained);
  const [own, others] = [matrixSize(live), matrixSize(frozen)];
  return tokens * (6 * own + 4 * others);
}

/** Elements of matrices other than tables of words, which are looked up. */
function matrixSize(tree: unknown): number {
  return paths(tree)
    .filter(([path, leaf]) => leaf.rank === 2 && !/embed|wte|wpe|shared/.test(path))
    .reduce((sum, [, leaf]) => sum + leaf.size, 0);
}

/** Floating-point operations in a second of a product of matrices. */
async function productSpeed(): Promise<number> {
  const size = 512;
  const [a, b] = [1, 2].map((seed) => normal(randomKey(seed), [size, size]));
  if (a === undefined || b === undefined) return 1;
  const product = compile((x: Tensor, y: Tensor) => dot(x, y, { contract: [[1], [0]] }));
  await product(a, b).data();
  const repeats = 4;
  const start = performance.now();
  for (let i = 0; i < repeats; i++) await product(a, b).data();
  return (repeats * 2 * size ** 3 * 1000) / (performance.now() - start);
}
