import { z } from 'zod';

/** What the labels of a whole text are: a number, one class, or any number of classes. */
export type ProblemType =
  | 'regression'
  | 'single_label_classification'
  | 'multi_label_classification';

/** The fields of a `config.json` that say what a head tells apart. */
export interface LabelFields {
  readonly num_labels?: number | undefined;
  readonly id2label?: Readonly<Record<string, string>> | null | undefined;
  readonly problem_type?: ProblemType | null | undefined;
}

/** For the schema of a family. */
export const labelFields: {
  readonly [Field in keyof LabelFields]-?: z.ZodType<LabelFields[Field]>;
} = {
  num_labels: z.int().positive().optional(),
  id2label: z.record(z.string(), z.string()).nullish(),
  problem_type: z
    .enum(['regression', 'single_label_classification', 'multi_label_classification'])
    .nullish(),
};

/** Number of classes: that of `id2label`, else `num_labels`, else 2. */
export function labelCount({ id2label, num_labels }: LabelFields): number {
  return id2label ? Object.keys(id2label).length : (num_labels ?? 2);
}
