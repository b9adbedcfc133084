import {
  collate,
  collect,
  type GlueTask,
  glueExample,
  glueScore,
  glueTasks,
  readGlue,
  textRow,
  textSource,
} from '@lorikeet/train/data';
import { judge, measure } from '@lorikeet/train/metrics';
import { describe, expect, test } from 'vitest';
import { expectLawful } from './datasetLaws.ts';
import { WordTokenizer } from './wordTokenizer.ts';

/** A row of each file, in its own layout, with texts made up here. */
const files: readonly (readonly [GlueTask, string, string, object])[] = [
  ['cola', 'train', 'gj04\t0\t*\tHim saw "she.\n', { text: 'Him saw "she.', label: 0 }],
  ['cola', 'validation', 'gj04\t1\t\tShe saw him.\n', { text: 'She saw him.', label: 1 }],
  ['cola', 'test', 'index\tsentence\n0\tShe saw.\n', { text: 'She saw.' }],
  ['sst2', 'train', 'sentence\tlabel\na fine film \t1\n', { text: 'a fine film ', label: 1 }],
  ['sst2', 'test', 'index\tsentence\n0\tdull\n', { text: 'dull' }],
  [
    'mrpc',
    'train',
    '\uFEFFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t7\t8\tHe said "so.\tSo he said.\n',
    { text: 'He said "so.', pair: 'So he said.', label: 1 },
  ],
  [
    'mrpc',
    'test',
    'index\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t7\t8\tA\tB\n',
    { text: 'A', pair: 'B' },
  ],
  [
    'qqp',
    'validation',
    'id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\tWhy?\tHow?\t0\n',
    { text: 'Why?', pair: 'How?', label: 0 },
  ],
  ['qqp', 'test', 'id\tquestion1\tquestion2\n1\tWhy?\tHow?\n', { text: 'Why?', pair: 'How?' }],
  [
    'stsb',
    'train',
    'index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n0\tn\tf\t2012\t1\tx\ty\tA\tB\t3.800\n',
    { text: 'A', pair: 'B', label: 3.8 },
  ],
  [
    'mnli',
    'train',
    'index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\tsentence2_parse\tsentence1\tsentence2\tlabel1\tgold_label\n0\t1\t1n\tg\t( A )\t( B )\t(A)\t(B)\tA\tB\tneutral\tneutral\n',
    { text: 'A', pair: 'B', label: 1 },
  ],
  [
    'mnli',
    'validation_mismatched',
    'index\tsentence1\tsentence2\tlabel1\tlabel2\tgold_label\n0\tA\tB\tneutral\tentailment\tcontradiction\n',
    { text: 'A', pair: 'B', label: 2 },
  ],
  ['mnli', 'test_matched', 'index\tsentence1\tsentence2\n0\tA\tB\n', { text: 'A', pair: 'B' }],
  [
    'qnli',
    'train',
    'index\tquestion\tsentence\tlabel\n0\tWho?\tShe.\tnot_entailment\n',
    { text: 'Who?', pair: 'She.', label: 1 },
  ],
  [
    'rte',
    'train',
    'index\tsentence1\tsentence2\tlabel\n0\tA\tB\tentailment\n',
    { text: 'A', pair: 'B', label: 0 },
  ],
  [
    'wnli',
    'validation',
    'index\tsentence1\tsentence2\tlabel\n0\tA\tB\t1\n',
    { text: 'A', pair: 'B', label: 1 },
  ],
  ['ax', 'test', 'index\tsentence1\tsentence2\n0\tA\tB\n', { text: 'A', pair: 'B' }],
];

describe('readGlue', () => {
  test.each(files)('%s %s', async (task, split, text, example) => {
    const data = readGlue(task, split, textSource(glueTasks[task].files[split] ?? '', text));
    expect(await collect(data)).toEqual([example]);
    await expectLawful(data);
  });

  test('has a row of every task and split with labels', () => {
    const covered = new Set(files.map(([task]) => task));
    expect([...covered].sort()).toEqual(Object.keys(glueTasks).sort());
  });

  test.each<[GlueTask, string, string, string]>([
    ['rte', 'train', 'index\tsentence1\tsentence2\tlabel\n0\tA\tB\tmaybe\n', 'is no class'],
    ['sst2', 'train', 'sentence\tlabel\nx\t2\n', 'is no class'],
    ['stsb', 'train', 'sentence1\tsentence2\tscore\nA\tB\t5.5\n', 'the score in the column score'],
    ['stsb', 'train', 'sentence1\tsentence2\tscore\nA\tB\tx\n', 'the score in the column score'],
    ['sst2', 'train', 'text\tlabel\nx\t1\n', 'there is no text in the column sentence'],
  ])('%s: refuses %s %j', async (task, split, text, summary) => {
    const source = textSource('f.tsv', text);
    await expect(collect(readGlue(task, split, source))).rejects.toMatchObject({
      code: 'invalid-file',
      path: 'f.tsv:2',
      summary: expect.stringContaining(summary),
    });
    const bad: unknown[] = [];
    expect(await collect(readGlue(task, split, source, { onBadRow: (e) => bad.push(e) }))).toEqual(
      [],
    );
    expect(bad).toHaveLength(1);
  });

  test('refuses a split that the task does not have', () => {
    expect(() => readGlue('mnli', 'validation', textSource('f', ''))).toThrow(
      /no split validation[\s\S]*validation_matched/,
    );
  });

  test("reads the Hub's rows", () => {
    const placed = (row: Record<string, unknown>) => ({ row, file: 'f.parquet', line: 1 });
    expect(
      glueExample('mnli', placed({ premise: 'A', hypothesis: 'B', label: 2, idx: 0 })),
    ).toEqual({
      text: 'A',
      pair: 'B',
      label: 2,
    });
    expect(glueExample('ax', placed({ premise: 'A', hypothesis: 'B', label: -1 }))).toEqual({
      text: 'A',
      pair: 'B',
    });
    expect(glueExample('stsb', placed({ sentence1: 'A', sentence2: 'B', label: 2.5 })).label).toBe(
      2.5,
    );
  });
});

describe('glueScore', () => {
  test('names the figures that decide each task', () => {
    const figures = (task: GlueTask, truths: number[], answers: number[]) =>
      measure(glueScore(task), judge(truths, answers));
    expect(figures('mrpc', [1, 1, 0], [1, 0, 0])).toEqual({
      figures: { accuracy: 2 / 3, f1: 2 / 3 },
      score: 2 / 3,
    });
    expect(Object.keys(figures('cola', [0, 1], [0, 1]).figures)).toEqual(['matthews']);
    expect(Object.keys(figures('stsb', [0, 1.5], [0.2, 1]).figures)).toEqual([
      'pearson',
      'spearman',
    ]);
    for (const task of ['sst2', 'mnli', 'qnli', 'rte', 'wnli'] as const)
      expect(figures(task, [1, 0], [1, 1])).toEqual({ figures: { accuracy: 0.5 }, score: 0.5 });
  });
});

describe('textRow', () => {
  test('makes rows of one text and of two, cut to what the model reads', async () => {
    const row = textRow(new WordTokenizer(), 8);
    expect(row({ text: 'a bb ccc', label: 1 })).toEqual({
      input_ids: [1, 197, 298, 399, 2],
      token_type_ids: [0, 0, 0, 0, 0],
      labels: 1,
    });
    const pair = row({ text: 'a a a a a', pair: 'b b' });
    expect(pair.input_ids).toHaveLength(8);
    expect(pair.token_type_ids).toEqual([0, 0, 0, 0, 0, 1, 1, 1]);
    expect(Object.keys(textRow(new WordTokenizer(false), 8)({ text: 'a' }))).toEqual(['input_ids']);
    const { inputs } = collate([row({ text: 'a', label: 0 }), pair].slice(0, 1), { padId: 0 });
    expect(inputs.attention_mask.shape).toEqual([1, 16]);
  });
});
