import { initModel, lossOf, type ModelInputs } from '@lorikeet/model-zoo';
import { adamw, applyUpdates, Context, combine, partition } from '@lorikeet/nn';
import { adapt, isTrainable, lora } from '@lorikeet/peft-lora';
import {
  compile,
  currentBackend,
  evaluate,
  flattenTree,
  mapTensors,
  type Program,
  randomKey,
  sizeOf,
  type Tensor,
  tensor,
  valueAndGrad,
  valueTypes,
} from '@lorikeet/tensor-core';
import { measure } from './measure.ts';
import type { BenchmarkModel } from './sizes.ts';

export interface StepSizes {
  readonly batch: number;
  readonly seq: number;
  readonly rank: number;
}

export interface TrainingStep {
  /** Seconds to trace, optimise, lower and make the session. */
  readonly compile_s: number;
  /** Milliseconds to find the plan again. */
  readonly second_compile_ms: number;
  readonly program: Program;
  /** How many numbers are trained. */
  readonly trainable: number;
  /** One step. */
  run(): Promise<StepRun>;
}

interface StepRun {
  readonly loss: number;
  /** Seconds until the call returned; what is computed behind its back comes on top. */
  readonly host_s: number;
}

/** A LoRA step of a model with random weights: forward, backward and AdamW, no dropout. */
export async function makeTrainingStep(
  { config, targets, isCausal }: BenchmarkModel,
  { batch, seq, rank }: StepSizes,
): Promise<TrainingStep> {
  const base = randomWeights(initModel(config, randomKey(0)));
  const tuned = adapt(base, { [targets]: lora({ rank, alpha: 2 * rank }) });
  const [initial, frozen] = partition(tuned, isTrainable);
  type Live = typeof initial;
  const optimizer = adamw({ learningRate: 1e-3 });
  const step = compile(
    (live: Live, state: readonly unknown[], inputs: ModelInputs) => {
      const loss = (part: Live): Tensor =>
        lossOf(combine(part, frozen).call(inputs, Context.evaluation));
      const { value, gradient } = valueAndGrad(loss)(live);
      const update = optimizer.update(gradient, state, live);
      return { loss: value, live: applyUpdates(live, update.updates), state: update.state };
    },
    { donate: [0, 1] },
  );
  const inputs = batchOf(Number(config.vocab_size), isCausal, batch, seq);
  let live = await evaluate(initial);
  let state = await evaluate(optimizer.init(live));
  const start = performance.now();
  const program = step.program(live, state, inputs);
  await currentBackend().synchronize();
  const compile_s = (performance.now() - start) / 1000;
  const { median_s } = await measure(async () => void step.program(live, state, inputs), 0.05);
  return {
    compile_s,
    second_compile_ms: 1000 * median_s,
    program,
    trainable: flattenTree(initial).leaves.reduce((total, { size }) => total + size, 0),
    async run() {
      const begin = performance.now();
      const next = step(live, state, inputs);
      const host_s = (performance.now() - begin) / 1000;
      ({ live, state } = next);
      return { loss: await next.loss.item(), host_s };
    },
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

/** Floating point operations of all products of a program, two for each multiplication with its addition. */
export function productFlops(program: Program): number {
  const types = valueTypes(program);
  return program.instructions.reduce((total, { op, inputs, attributes, type }) => {
    if (op.name !== 'dot') return total;
    const [contracted] = attributes.contract as readonly (readonly number[])[];
    const left = types[inputs[0] ?? -1]?.shape ?? [];
    const depth = (contracted ?? []).reduce((product, axis) => product * (left[axis] ?? 1), 1);
    return total + 2 * depth * sizeOf(type.shape);
  }, 0);
}
