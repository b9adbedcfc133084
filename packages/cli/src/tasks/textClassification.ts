import { logitsOf, type ModelInputs } from '@lorikeet/model-zoo';
import { Context } from '@lorikeet/nn';
import { LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import { evaluateClassifier } from '@lorikeet/train';
import {
  classesOf,
  collect,
  fromArray,
  type PlacedRow,
  type Splits,
  type TextExample,
  textExamples,
  textRow,
} from '@lorikeet/train/data';
import { loadSpam } from '@lorikeet/train/data/node';
import { nothingToEvaluate, padIdOf, rowBatches } from './rowBatches.ts';
import { rowsOf, unsplit } from './sourceRows.ts';
import type { Task, TaskData } from './task.ts';

/** A class for a text, or for two. */
export const textClassification: Task<TextExample> = {
  name: 'classification',
  about: 'a class for a text, or for two',
  columns: 'text and label, and pair for a second text; or stdlib:spam',
  head: 'sequence-classification',
  peftType: 'SEQ_CLS',
  metric: { name: 'f1', isBetter: 'higher' },
  async read(source, own) {
    if (source === 'stdlib:spam') return dataOf(await loadSpam(), ['ham', 'spam']);
    const rows = await rowsOf(source);
    const found = rows.length === 0 ? [] : await classesOf(fromArray(rows));
    if (found.length < 2) throw tooFewClasses(source, rows, found);
    // What the model calls its classes has the order that it has there.
    const classes = own !== undefined && found.every((name) => own.includes(name)) ? own : found;
    const pair = Object.hasOwn(rows[0]?.row ?? {}, 'pair') ? { pair: 'pair' } : {};
    const examples = await collect(textExamples(fromArray(rows), { classes, ...pair }));
    return dataOf(unsplit(examples, source), classes);
  },
};

function dataOf(examples: Splits<TextExample>, classes: readonly string[]): TaskData<TextExample> {
  return {
    examples,
    classes,
    classOf: ({ label = -1 }) => label,
    open(tokenizer, maxLength) {
      const toRow = textRow(tokenizer, maxLength);
      const padId = padIdOf(tokenizer);
      const batches = (some: readonly TextExample[], plan: Parameters<typeof rowBatches>[2]) =>
        rowBatches(some, (example) => [labelled(toRow(example))], plan, { padId, maxLength });
      return {
        rowCount: ({ length }) => length,
        batches,
        async evaluate(model, some, size) {
          if (some.length === 0) throw nothingToEvaluate();
          const metrics = await evaluateClassifier(
            (inputs: ModelInputs & { readonly labels: Tensor }) =>
              logitsOf(model.call(inputs, Context.evaluation)),
            batches(some, { size }),
            classes.length,
          );
          const { accuracy, f1, confusion } = metrics;
          return { accuracy, f1, confusion };
        },
      };
    },
  };
}

interface LabelledRow {
  readonly input_ids: readonly number[];
  readonly token_type_ids?: readonly number[];
  readonly labels: number;
}

function labelled({ labels = -1, ...row }: ReturnType<ReturnType<typeof textRow>>): LabelledRow {
  if (labels >= 0) return { ...row, labels };
  throw new LorikeetError('invalid-argument', 'an example has no label');
}

function tooFewClasses(
  path: string,
  rows: readonly PlacedRow[],
  classes: readonly string[],
): LorikeetError {
  return new LorikeetError('invalid-file', 'there are not two classes to tell apart', {
    path,
    expected: 'rows of at least two labels',
    received: `${rows.length} rows, ${classes.length} labels`,
  });
}
