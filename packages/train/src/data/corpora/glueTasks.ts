/** How a task of GLUE is laid out in its TSV files and on the Hub, and which figures decide it. */
export interface GlueLayout {
  /** Columns of the text, or of the two texts; of several names, the first that a file has. */
  readonly texts: readonly (readonly string[])[];
  /** Columns of the label; of several names, the first that a file has. */
  readonly label: readonly string[];
  /** The names of the classes by their numbers; none for a score from 0 to 5. */
  readonly classes: readonly string[];
  readonly metrics: readonly ('accuracy' | 'f1' | 'matthews' | 'pearson' | 'spearman')[];
  /** TSV files by split. */
  readonly files: Readonly<Record<string, string>>;
  /** Columns of files that do not name them, by split. */
  readonly unnamed?: Readonly<Record<string, readonly string[]>>;
}

const files = { train: 'train.tsv', validation: 'dev.tsv', test: 'test.tsv' };
const colaColumns = ['source', 'label', 'mark', 'sentence'];
const inference = ['entailment', 'neutral', 'contradiction'];

export type GlueTask =
  | 'cola'
  | 'sst2'
  | 'mrpc'
  | 'qqp'
  | 'stsb'
  | 'mnli'
  | 'qnli'
  | 'rte'
  | 'wnli'
  | 'ax';

/** Wang et al., "GLUE" (ICLR 2019). Classes are numbered as on the Hub. */
export const glueTasks: Readonly<Record<GlueTask, GlueLayout>> = {
  cola: {
    texts: [['sentence']],
    label: ['label'],
    classes: ['unacceptable', 'acceptable'],
    metrics: ['matthews'],
    files,
    unnamed: { train: colaColumns, validation: colaColumns },
  },
  sst2: {
    texts: [['sentence']],
    label: ['label'],
    classes: ['negative', 'positive'],
    metrics: ['accuracy'],
    files,
  },
  mrpc: {
    texts: [
      ['#1 String', 'sentence1'],
      ['#2 String', 'sentence2'],
    ],
    label: ['Quality', 'label'],
    classes: ['not_equivalent', 'equivalent'],
    metrics: ['accuracy', 'f1'],
    files,
  },
  qqp: {
    texts: [['question1'], ['question2']],
    label: ['is_duplicate', 'label'],
    classes: ['not_duplicate', 'duplicate'],
    metrics: ['accuracy', 'f1'],
    files,
  },
  stsb: {
    texts: [['sentence1'], ['sentence2']],
    label: ['score', 'label'],
    classes: [],
    metrics: ['pearson', 'spearman'],
    files,
  },
  mnli: {
    texts: [
      ['sentence1', 'premise'],
      ['sentence2', 'hypothesis'],
    ],
    label: ['gold_label', 'label'],
    classes: inference,
    metrics: ['accuracy'],
    files: {
      train: 'train.tsv',
      validation_matched: 'dev_matched.tsv',
      validation_mismatched: 'dev_mismatched.tsv',
      test_matched: 'test_matched.tsv',
      test_mismatched: 'test_mismatched.tsv',
    },
  },
  qnli: {
    texts: [['question'], ['sentence']],
    label: ['label'],
    classes: ['entailment', 'not_entailment'],
    metrics: ['accuracy'],
    files,
  },
  rte: {
    texts: [['sentence1'], ['sentence2']],
    label: ['label'],
    classes: ['entailment', 'not_entailment'],
    metrics: ['accuracy'],
    files,
  },
  wnli: {
    texts: [['sentence1'], ['sentence2']],
    label: ['label'],
    classes: ['not_entailment', 'entailment'],
    metrics: ['accuracy'],
    files,
  },
  ax: {
    texts: [
      ['sentence1', 'premise', 'Premise'],
      ['sentence2', 'hypothesis', 'Hypothesis'],
    ],
    label: ['label', 'Label'],
    classes: inference,
    metrics: ['matthews'],
    files: { test: 'diagnostic.tsv' },
  },
};
