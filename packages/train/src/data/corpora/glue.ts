import { LorikeetError } from '@lorikeet/tensor-core';
import { accuracy } from '../../metrics/accuracy.ts';
import { fScore } from '../../metrics/fScore.ts';
import { matthews } from '../../metrics/matthews.ts';
import { type Judged, type Metric, measure } from '../../metrics/metric.ts';
import { pearson } from '../../metrics/pearson.ts';
import { spearman } from '../../metrics/spearman.ts';
import type { Dataset } from '../dataset.ts';
import { type BadRowOptions, badRow, rowOr } from '../files/badRow.ts';
import type { ByteSource } from '../files/byteSource.ts';
import { readTsv } from '../files/readDelimited.ts';
import { type PlacedRow, textOf } from '../files/row.ts';
import { flatMap } from '../flatMap.ts';
import { type GlueLayout, type GlueTask, glueTasks } from './glueTasks.ts';
import { labelOf } from './label.ts';

/** A text, or two, with what is to be told of them. */
export interface TextExample {
  readonly text: string;
  readonly pair?: string;
  /** The number of a class, or a score; absent where it is kept secret. */
  readonly label?: number;
}

/**
 * The examples of a file of GLUE, in the TSV layout of its own archive. Quotes are plain text there.
 *
 * @param split one of `glueTasks[task].files`.
 * @throws LorikeetError `invalid-file`, with file and line, for wrong columns and labels that are no class.
 */
export function readGlue(
  task: GlueTask,
  split: string,
  source: ByteSource,
  options: BadRowOptions = {},
): Dataset<TextExample> {
  const layout = glueTasks[task];
  if (!Object.hasOwn(layout.files, split)) {
    throw new LorikeetError('no-match', `${task} has no split ${split}`, {
      expected: `one of ${Object.keys(layout.files).join(', ')}`,
    });
  }
  const columns = layout.unnamed?.[split];
  const rows = readTsv(source, { ...options, ...(columns === undefined ? {} : { columns }) });
  return flatMap(rows, (placed) => {
    const example = rowOr(() => glueExample(task, placed), options);
    return example === undefined ? [] : [example];
  });
}

/** A row of a file of GLUE, in the layout of its TSV files or of the Hub, where a label of -1 is none. */
export function glueExample(task: GlueTask, placed: PlacedRow): TextExample {
  const { texts, label, classes } = glueTasks[task];
  const column = (names: readonly string[]): string =>
    names.find((name) => Object.hasOwn(placed.row, name)) ?? names[0] ?? '';
  const [text = '', pair] = texts.map((names) => textOf(placed, column(names)));
  const told =
    classes.length > 0 ? labelOf(placed, column(label), classes) : scoreOf(placed, column(label));
  return {
    text,
    ...(pair === undefined ? {} : { pair }),
    ...(told === undefined ? {} : { label: told }),
  };
}

function scoreOf({ row, file, line }: PlacedRow, column: string): number | undefined {
  const value = row[column];
  if (value === undefined || value === null || value === -1) return undefined;
  const score = value === '' ? Number.NaN : Number(value);
  if (score >= 0 && score <= 5) return score;
  throw badRow(file, line, `the score in the column ${column} is not one`, {
    expected: 'a number from 0 to 5',
    received: JSON.stringify(value),
  });
}

const figures = {
  accuracy: (items) => measure(accuracy, items),
  f1: (items) => measure(fScore(), items).f1,
  matthews: (items) => measure(matthews, items),
  pearson: (items) => measure(pearson, items),
  spearman: (items) => measure(spearman, items),
} as const satisfies Record<
  GlueLayout['metrics'][number],
  (items: readonly Judged<number>[]) => number
>;

export interface GlueScore {
  /** The figures that decide the task, by name. */
  readonly figures: Readonly<Record<string, number>>;
  /** Their mean, which GLUE's leaderboard averages over tasks; from 0 to 1. */
  readonly score: number;
}

/** The figures that decide a task of GLUE. Keeps all answers. */
export function glueScore(
  task: GlueTask,
): Metric<Judged<number>, readonly Judged<number>[], GlueScore> {
  const { metrics } = glueTasks[task];
  return {
    init: [],
    add: (kept, items) => [...kept, ...items.map(({ truth, answer }) => ({ truth, answer }))],
    result(items) {
      const found = metrics.map((name) => [name, figures[name](items)] as const);
      return {
        figures: Object.fromEntries(found),
        score: found.reduce((sum, [, value]) => sum + value, 0) / found.length,
      };
    },
  };
}
