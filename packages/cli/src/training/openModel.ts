import { families, headOf, initModel, type Model } from '@lorikeet/model-zoo';
import { downloadBar, load, loadConfig } from '@lorikeet/model-zoo/node';
import { paths } from '@lorikeet/nn';
import { LorikeetError, randomKey, type Tensor } from '@lorikeet/tensor-core';
import type { Task } from '../tasks/task.ts';

/** A base model with the head of a task. */
export interface OpenedModel {
  readonly model: Model;
  /** Modules that the checkpoint lacked, which have random weights. */
  readonly fresh: readonly string[];
  /** Modules of the head: those that are not of the base. */
  readonly head: readonly string[];
}

export type ModelJson = Readonly<Record<string, unknown>>;

export function readModelConfig(dirOrId: string): Promise<ModelJson> {
  return loadConfig(dirOrId, { onProgress: downloadBar() });
}

/** The names of classes of a model that has the head of a task already. */
export function ownClasses(config: ModelJson, task: Task): readonly string[] | undefined {
  const { id2label } = config;
  if (!hasHead(config, task) || typeof id2label !== 'object' || id2label === null) return undefined;
  return Object.entries(id2label)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, name]) => String(name));
}

/**
 * Opens a model for a task. What its checkpoint lacks, since it has another head, is made new.
 *
 * @param classes of the data, if there are any.
 * @throws LorikeetError `invalid-argument` for more classes than a head that is there tells apart, and as `load` does.
 */
export async function openModel(
  dirOrId: string,
  config: ModelJson,
  task: Task,
  options: {
    readonly classes?: readonly string[] | undefined;
    readonly seed: number;
    readonly random: boolean;
  },
): Promise<OpenedModel> {
  const { classes, seed, random } = options;
  const key = randomKey(seed);
  const isKept = hasHead(config, task);
  if (isKept && classes !== undefined) requireClasses(config, classes);
  const fields = isKept || classes === undefined ? {} : labelFields(classes);
  const { head } = task;
  const loading = { head, newHead: true, config: fields, key, onProgress: downloadBar() };
  const loaded = await load(dirOrId, loading);
  const model = random ? initModel(loaded.config, key) : loaded;
  return { model, fresh: isKept ? [] : freshModules(config, model, key), head: headModules(model) };
}

function hasHead(config: ModelJson, { head }: Task): boolean {
  return headOf(config) === head;
}

/** Refuses data with more classes than the head of the model has rows. */
function requireClasses(config: ModelJson, classes: readonly string[]): void {
  const { id2label, num_labels } = config;
  const named = typeof id2label === 'object' && id2label !== null ? Object.keys(id2label) : [];
  const count = named.length > 0 ? named.length : Number(num_labels ?? 2);
  if (classes.length <= count) return;
  throw new LorikeetError('invalid-argument', `the model tells ${count} classes apart`, {
    expected: `data with at most ${count} labels`,
    received: `${classes.length} labels`,
    hint: 'start from a checkpoint without this head, such as that of the base model',
  });
}

function labelFields(classes: readonly string[]): Readonly<Record<string, unknown>> {
  return {
    id2label: Object.fromEntries(classes.entries()),
    label2id: Object.fromEntries(classes.map((name, id) => [name, id])),
  };
}

function freshModules(config: ModelJson, model: Model, key: Tensor): readonly string[] {
  const had = new Set(paths(initModel(config, key)).map(([path]) => path));
  return modulesOf(paths(model).flatMap(([path]) => (had.has(path) ? [] : [path])));
}

function headModules(model: Model): readonly string[] {
  const base = families.find(({ modelType }) => modelType === model.config.model_type)?.base ?? '';
  return modulesOf(paths(model).flatMap(([path]) => (path.startsWith(`${base}.`) ? [] : [path])));
}

function modulesOf(tensors: readonly string[]): readonly string[] {
  return [...new Set(tensors.map((path) => path.split('.').slice(0, -1).join('.')))].filter(
    (path) => path !== '',
  );
}
