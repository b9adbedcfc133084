import { lossOf, type Model, type ModelInputs } from '@lorikeet/model-zoo';
import { downloadBar, loadTokenizer } from '@lorikeet/model-zoo/node';
import type { Tokenizer } from '@lorikeet/model-zoo/tokenizers';
import { type partition, paths } from '@lorikeet/nn';
import {
  adapt,
  adapterOptimizer,
  adapterPenalty,
  describe,
  isTrainable,
} from '@lorikeet/peft-lora';
import { add, type Backend, randomKey, type Tensor } from '@lorikeet/tensor-core';
import { type Fit, fit } from '@lorikeet/train';
import type { RunFields } from '../fields/runFields.ts';
import { fitOptionsOf, optimizerOf } from '../runOptions.ts';
import { findTask } from '../tasks/findTask.ts';
import type { Figures, OpenTask, Task, TaskData } from '../tasks/task.ts';
import { type ChosenExamples, chooseExamples } from './examples.ts';
import type { TrialFields } from './finetuneFields.ts';
import { type MethodSpec, methodSpec, withWhole } from './methodSpec.ts';
import { mostTokens } from './mostTokens.ts';
import { openModel, ownClasses, readModelConfig } from './openModel.ts';

type TrialConfig = TrialFields & RunFields;

/** A training that is ready to run: a model with a method on it, and examples. */
export interface Trial {
  readonly config: TrialConfig;
  readonly task: Task;
  readonly data: TaskData;
  readonly tokenizer: Tokenizer;
  readonly open: OpenTask;
  readonly examples: ChosenExamples;
  readonly method: MethodSpec;
  readonly model: Model;
  readonly isTrained: Parameters<typeof partition<Model>>[1];
  readonly trainable: number;
  readonly total: number;
  /** A table of what is adapted. */
  readonly description: string;
  readonly totalSteps: number;
}

export interface TrialResult {
  readonly model: Model;
  readonly fit: Fit<Model, Figures>;
  readonly before: Figures | undefined;
  readonly after: Figures;
}

/**
 * Reads the data and the model of a training and adapts it. Data that were read before may be given.
 *
 * @throws LorikeetError as the readers, `load` and `adapt` do.
 */
export async function prepareTrial(
  config: TrialConfig,
  readData: typeof readTask = readTask,
): Promise<Trial> {
  const { seed } = config;
  const task = findTask(config.task);
  const modelConfig = await readModelConfig(config.model);
  const own = ownClasses(modelConfig, task);
  const data = await readData(task, config.data, own);
  const other =
    config.evaluation_data === undefined
      ? undefined
      : await readData(task, config.evaluation_data, data.classes);
  const examples = await chooseExamples(data, other, config);
  const tokenizer = await loadTokenizer(config.model, { onProgress: downloadBar() });
  const open = data.open(tokenizer, mostTokens(modelConfig, config.max_length));
  const opening = { classes: data.classes, seed, random: config.random_model };
  const { model: base, fresh, head } = await openModel(config.model, modelConfig, task, opening);
  const method = methodSpec(base, config);
  const isHead = data.classes !== undefined || task.head === 'question-answering';
  const whole = config.train ?? [...new Set([...fresh, ...(isHead ? head : [])])];
  const model =
    method.spec === null
      ? base
      : adapt(base, withWhole(method.spec, whole), { key: randomKey(seed) });
  const isTrained = method.spec === null ? () => true : isTrainable;
  const batches = Math.ceil(open.rowCount(examples.training) / config.batch_size);
  const stepsPerEpoch = Math.ceil(batches / config.accumulate);
  return {
    config,
    task,
    data,
    tokenizer,
    open,
    examples,
    method,
    model,
    isTrained,
    ...countsOf(model, method),
    totalSteps: Math.min(
      config.epochs * stepsPerEpoch,
      config.max_steps ?? Number.POSITIVE_INFINITY,
    ),
  };
}

export function readTask(
  task: Task,
  source: string,
  classes: readonly string[] | undefined,
): Promise<TaskData> {
  return task.read(source, classes);
}

/** The loss of a step. */
export function trialLoss({
  method,
}: Pick<Trial, 'method'>): (
  model: Model,
  inputs: ModelInputs,
  context: Parameters<Model['call']>[1],
) => Tensor {
  return (model, inputs, context) => {
    const loss = lossOf(model.call(inputs, context));
    return method.spec === null ? loss : add(loss, adapterPenalty(model, context));
  };
}

/** @param options `isJudgedBefore`: whether the model is evaluated before it is trained, too. Defaults to true. */
export async function runTrial(
  trial: Trial,
  backend: Backend,
  { isJudgedBefore = true }: { readonly isJudgedBefore?: boolean } = {},
): Promise<TrialResult> {
  const { config, open, examples, method, model, isTrained, totalSteps } = trial;
  const { batch_size: size, seed } = config;
  const evaluate = (current: Model): Promise<Figures> =>
    open.evaluate(current, examples.heldOut, size);
  const before = isJudgedBefore ? await evaluate(model) : undefined;
  const optimizer = optimizerOf(config, totalSteps);
  const result = await fit<Model, ModelInputs, Figures>({
    ...(await fitOptionsOf(config, totalSteps, backend)),
    model,
    trainable: isTrained,
    loss: trialLoss(trial),
    optimizer: method.spec === null ? optimizer : adapterOptimizer(optimizer),
    batches: (epoch) => open.batches(examples.training, { size, order: { seed, epoch } }),
    epochs: config.epochs,
    ...(config.max_steps === undefined ? {} : { maxSteps: config.max_steps }),
    ...(isJudgedBefore ? { evaluate } : {}),
  });
  const after = result.evaluations.at(-1)?.metrics ?? (await evaluate(result.model));
  return { model: result.model, fit: result, before, after };
}

function countsOf(
  model: Model,
  { spec }: MethodSpec,
): Pick<Trial, 'trainable' | 'total' | 'description'> {
  if (spec !== null) {
    const described = describe(model);
    const { trainable, total } = described;
    return { trainable, total, description: String(described) };
  }
  const total = paths(model).reduce((sum, [, leaf]) => sum + leaf.size, 0);
  return { trainable: total, total, description: `all ${total} parameters train` };
}
