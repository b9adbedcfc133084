import { initModel, lossOf, type ModelInputs } from '@lorikeet/model-zoo';
import { adamw, Context, combine, partition } from '@lorikeet/nn';
import { adapt, isTrainable, lora } from '@lorikeet/peft-lora';
import { mapTensors, randomKey, sizeOf, tensor } from '@lorikeet/tensor-core';
import { type CompiledStep, compiledStep, type PlainStep, plainStep } from './makeStep.ts';
import type { BenchmarkModel } from './sizes.ts';

export interface StepSizes {
  readonly batch: number;
  readonly seq: number;
  readonly rank: number;
}

/** A compiled LoRA step of a model with random weights: forward, backward and AdamW, no dropout. */
export async function makeTrainingStep(
  model: BenchmarkModel,
  sizes: StepSizes,
): Promise<CompiledStep> {
  return await compiledStep(loraParts(model, sizes));
}

/** The same step, traced anew each time. */
export async function makePlainTrainingStep(
  model: BenchmarkModel,
  sizes: StepSizes,
): Promise<PlainStep> {
  return await plainStep(loraParts(model, sizes));
}

function loraParts({ config, targets, isCausal }: BenchmarkModel, { batch, seq, rank }: StepSizes) {
  const base = randomWeights(initModel(config, randomKey(0)));
  const tuned = adapt(base, { [targets]: lora({ rank, alpha: 2 * rank }) });
  const [initial, frozen] = partition(tuned, isTrainable);
  return {
    initial,
    optimizer: adamw({ learningRate: 1e-3 }),
    inputs: batchOf(Number(config.vocab_size), isCausal, batch, seq),
    loss: (live: typeof initial, inputs: ModelInputs) =>
      lossOf(combine(live, frozen).call(inputs, Context.evaluation)),
  };
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

function batchOf(vocabulary: number, isCausal: boolean, batch: number, seq: number): ModelInputs {
  const ids = Int32Array.from({ length: batch * seq }, (_, i) => (i * 7919) % vocabulary);
  const classes = Int32Array.from({ length: batch }, (_, i) => i % 2);
  return {
    input_ids: tensor(ids, [batch, seq], 'i32'),
    attention_mask: tensor(new Int32Array(batch * seq).fill(1), [batch, seq], 'i32'),
    labels: isCausal ? tensor(ids, [batch, seq], 'i32') : tensor(classes, [batch], 'i32'),
  };
}
