import {
  at,
  type Context,
  type InputSite,
  siteWithin,
  type TakesVectors,
  type TiesWeights,
} from '@lorikeet/nn';
import { foldIn, LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import type { Architecture } from '../family.ts';
import { keptStates } from '../keptStates.ts';
import type { Model, ModelInputs, ModelOutputs } from '../model.ts';
import { type HeadLayer, type HeadStep, runStep } from './headStep.ts';
import type { LabelFields } from './labelFields.ts';
import type { Task } from './task.ts';

type HeadConfig = LabelFields & { readonly [field: string]: unknown };

/** A model without a head. */
export interface BaseModel extends Model, TakesVectors {
  call(
    inputs: ModelInputs,
    context: Context,
  ): ModelOutputs & { readonly last_hidden_state: Tensor };
}

/** A head as data. */
export interface HeadDesign<Config> {
  readonly task: Task;
  /** Its layers and weights by their paths in the state dict. */
  readonly parts: (config: Config, key: Tensor) => Readonly<Record<string, HeadLayer | Tensor>>;
  /** What happens to the base's last hidden state, [B, T, D]. */
  readonly steps: (config: Config) => readonly HeadStep[];
  /** Whether it starts from the base's pooled output, [B, D], instead. */
  readonly pooled?: boolean;
}

/** A model whose head is given as data. The base is in the field that the state dict has for it. */
class HeadedModel implements Model, TakesVectors, TiesWeights {
  readonly config: HeadConfig;
  readonly baseField: string;
  readonly task: Task;
  readonly steps: readonly HeadStep[];
  readonly pooled: boolean;
  readonly [part: string]: unknown;

  constructor(
    base: { readonly field: string; readonly model: BaseModel },
    head: {
      readonly task: Task;
      readonly parts: Readonly<Record<string, HeadLayer | Tensor>>;
      readonly steps: readonly HeadStep[];
      readonly pooled: boolean;
    },
    config: HeadConfig,
  ) {
    Object.assign(this, { [base.field]: base.model }, nested(head.parts));
    this.config = config;
    this.baseField = base.field;
    this.task = head.task;
    this.steps = head.steps;
    this.pooled = head.pooled;
  }

  get isCausal(): boolean {
    return this.task.isCausal === true;
  }

  get stretch(): Model['stretch'] {
    return baseOf(this).stretch;
  }

  get inputSite(): InputSite {
    return siteWithin(this.baseField, baseOf(this), this.task.labels);
  }

  get tiedWeights(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.steps.flatMap(secondNames));
  }

  embed(ids: Tensor, context: Context): Tensor {
    return baseOf(this).embed(ids, context.child(this.baseField));
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    const { task, baseField, pooled } = this;
    // Labels are the head's: a decoder would read them.
    const { labels: _, ...own } = task.inputs?.(inputs) ?? inputs;
    const base = context.call(baseField, baseOf(this), own);
    const { last_hidden_state, pooler_output, ...states } = base;
    const told =
      task.labels === 'tokens' ? keptStates(last_hidden_state, inputs) : last_hidden_state;
    const start = (pooled ? pooler_output : undefined) ?? told;
    const scores = this.steps.reduce((x, step) => runStep(step, this, x, own, context), start);
    return { ...states, ...task.outputs(scores, inputs, this.config) };
  }
}

/** Names of the weights of a step under which files may have them besides. */
function secondNames(step: HeadStep): readonly (readonly [copy: string, name: string])[] {
  if ('words' in step) {
    const { words, decoder, bias } = step;
    const own = `${decoder}.bias`;
    const weight = [`${decoder}.weight`, `${words}.weight`] as const;
    return bias === undefined || bias === own ? [weight] : [weight, [own, bias]];
  }
  if (!('layer' in step) || step.bias === undefined) return [];
  const own = `${step.layer}.bias`;
  return step.bias === own ? [] : [[step.bias, own]];
}

/** The architecture of a base with a head. */
export function headed<Config extends HeadConfig>(
  field: string,
  initBase: (config: Config, key: Tensor) => BaseModel,
  design: HeadDesign<Config>,
  ignored?: RegExp,
): Architecture<Config> {
  return {
    init: (config, key) =>
      new HeadedModel(
        { field, model: initBase(config, foldIn(key, field)) },
        {
          task: design.task,
          parts: design.parts(config, key),
          steps: design.steps(config),
          pooled: design.pooled ?? false,
        },
        config,
      ),
    ...(ignored === undefined ? {} : { ignored }),
  };
}

function baseOf(model: HeadedModel): BaseModel {
  const base = at(model, model.baseField);
  if (isBase(base)) return base;
  throw new LorikeetError('tree-mismatch', 'a model lacks the base that its head is on', {
    path: model.baseField,
    expected: 'a model without a head',
  });
}

function isBase(value: unknown): value is BaseModel {
  return typeof value === 'object' && value !== null && 'inputSite' in value && 'call' in value;
}

/** Records within records, from dotted paths. */
function nested(parts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [path, part] of Object.entries(parts)) {
    const names = path.split('.');
    const last = names.pop() ?? path;
    let record = root;
    for (const name of names) {
      const inner: Record<string, unknown> = {};
      const found = record[name];
      const next = isRecord(found) ? found : inner;
      record[name] = next;
      record = next;
    }
    record[last] = part;
  }
  return root;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
