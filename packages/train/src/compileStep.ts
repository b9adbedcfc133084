import {
  applyIfFinite,
  applyUpdates,
  Context,
  combine,
  type EmaState,
  ema,
  globalNorm,
  type Optimizer,
  type Part,
  zipTrees,
} from '@lorikeet/nn';
import {
  add,
  allFinite,
  cast,
  compile,
  foldIn,
  isFloat,
  LorikeetError,
  mapTensors,
  mul,
  stack,
  type Tensor,
  valueAndGrad,
} from '@lorikeet/tensor-core';
import type { FitOptions } from './fitOptions.ts';
import { firstLossScale, type LossScale, nextLossScale } from './lossScale.ts';

/** All that a step changes. */
export interface StepState<Model> {
  readonly trainable: Part<Model>;
  readonly optimizer: unknown;
  readonly ema: EmaState<Part<Model>> | null;
  readonly scale: LossScale | null;
}

/** Loss and gradients of the batches of a step so far, each by its share. */
interface Sums<Model> {
  readonly loss: Tensor;
  readonly gradient: Part<Model>;
}

/** A batch of a step. */
interface MicroBatch<Inputs> {
  readonly inputs: Inputs;
  /** What it counts for in the step, [] f32; null if it is the only one. */
  readonly share: Tensor | null;
}

interface StepResult<Model> {
  /** The loss, the norm of the gradients, and what the optimiser says under its names: all in one tensor, which is read in one go. */
  readonly facts: Tensor;
  readonly measures: readonly string[];
  readonly state: StepState<Model>;
}

type StepOptions<Model, Inputs, Metrics> = Pick<
  FitOptions<Model, Inputs, Metrics>,
  'loss' | 'optimizer' | 'precision' | 'ema'
>;

/** A step of training, compiled, and what it starts with. */
export interface TrainingStep<Model, Inputs> {
  init(trainable: Part<Model>): StepState<Model>;
  /** Takes over the memory of the state. */
  run(
    state: StepState<Model>,
    batches: readonly MicroBatch<Inputs>[],
    key: Tensor,
  ): StepResult<Model>;
}

/**
 * Loss, derivative and optimiser. A step of one batch is one program; of several, each but the last adds to the sums
 * of those before it.
 */
export function compileStep<Model, Inputs, Metrics>(
  options: StepOptions<Model, Inputs, Metrics>,
  frozen: Part<Model>,
  gradientCheckpointing: boolean,
): TrainingStep<Model, Inputs> {
  const { loss, precision } = options;
  const isScaled = precision === 'f16';
  const optimizer: Optimizer = isScaled ? applyIfFinite(options.optimizer) : options.optimizer;
  const average = options.ema === undefined ? undefined : ema(options.ema);

  const slope = (
    { trainable, scale }: StepState<Model>,
    { inputs, share }: MicroBatch<Inputs>,
    key: Tensor,
  ): Sums<Model> => {
    const objective = (part: Part<Model>): Tensor => {
      const whole = combine(part, frozen);
      const model = precision === undefined ? whole : mapTensors(whole, (leaf) => rounded(leaf));
      const value = loss(
        model,
        inputs,
        Context.training(key, { checkpoint: gradientCheckpointing }),
      );
      const precise = precision === undefined ? value : cast(value, 'f32');
      return scale === null ? precise : mul(precise, scale.factor);
    };
    const { value, gradient } = valueAndGrad(objective)(trainable);
    const scaled = (x: Tensor): Tensor => {
      const own = scale === null ? x : x.div(scale.factor);
      return share === null ? own : mul(own, cast(share, own.dtype));
    };
    return { loss: scaled(value), gradient: mapTensors(gradient, scaled) };
  };
  const rounded = (leaf: Tensor): Tensor =>
    precision !== undefined && isFloat(leaf.dtype) ? cast(leaf, precision) : leaf;

  const accumulate = compile(
    (
      state: StepState<Model>,
      sums: Sums<Model> | null,
      batch: MicroBatch<Inputs>,
      key: Tensor,
    ): Sums<Model> => plus(sums, slope(state, batch, key)),
    { donate: [1] },
  );
  const finish = compile(
    (
      state: StepState<Model>,
      sums: Sums<Model> | null,
      batch: MicroBatch<Inputs>,
      key: Tensor,
    ): StepResult<Model> => {
      const { loss: value, gradient } = plus(sums, slope(state, batch, key));
      const update = optimizer.update(gradient, state.optimizer, state.trainable);
      const trainable = applyUpdates(state.trainable, update.updates);
      const measures = optimizer.measures?.(state.optimizer) ?? {};
      const facts = [value, globalNorm(gradient), ...Object.values(measures)];
      return {
        facts: stack(facts.map((fact) => cast(fact, value.dtype))),
        measures: Object.keys(measures),
        state: {
          trainable,
          optimizer: update.state,
          ema:
            state.ema === null || average === undefined
              ? null
              : average.update(trainable, state.ema),
          scale: state.scale === null ? null : nextLossScale(state.scale, allFinite(gradient)),
        },
      };
    },
    { donate: [0, 1] },
  );

  return {
    init: (trainable) => ({
      trainable,
      optimizer: optimizer.init(trainable),
      ema: average?.init(trainable) ?? null,
      scale: isScaled ? firstLossScale() : null,
    }),
    run(state, batches, key) {
      let sums: Sums<Model> | null = null;
      const last = batches.length - 1;
      for (const [i, batch] of batches.entries()) {
        const own = last === 0 ? key : foldIn(key, i);
        if (i === last) return finish(state, sums, batch, own);
        sums = accumulate(state, sums, batch, own);
      }
      throw new LorikeetError('internal', 'a step of no batch');
    },
  };
}

function plus<Model>(before: Sums<Model> | null, own: Sums<Model>): Sums<Model> {
  if (before === null) return own;
  return {
    loss: add(before.loss, own.loss),
    gradient: zipTrees((a, b) => add(a, b), before.gradient, own.gradient),
  };
}
