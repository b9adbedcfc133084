import {
  classesOf,
  collect,
  fromArray,
  maskTokens,
  type PlacedRow,
  taggedRows,
  textExamples,
} from '@lorikeet/train/data';
import { describe, expect, test } from 'vitest';
import { expectLawful } from './datasetLaws.ts';

const rows = (...list: readonly Record<string, unknown>[]) =>
  fromArray<PlacedRow>(list.map((row, i) => ({ row, file: 'f.csv', line: i + 2 })));

describe('textExamples', () => {
  test('takes columns by name, and labels by name or number', async () => {
    const data = rows({ a: 'x', b: 'y', c: 'spam' }, { a: 'z', b: '', c: 0 }, { a: 'u', b: 'v' });
    const examples = textExamples(data, {
      text: 'a',
      pair: 'b',
      label: 'c',
      classes: ['ham', 'spam'],
    });
    expect(await collect(examples)).toEqual([
      { text: 'x', pair: 'y', label: 1 },
      { text: 'z', pair: '', label: 0 },
      { text: 'u', pair: 'v' },
    ]);
    await expectLawful(examples);
  });

  test('takes numbers where there are no classes', async () => {
    const examples = textExamples(rows({ text: 'x', label: '2.5' }), { classes: [] });
    expect(await collect(examples)).toEqual([{ text: 'x', label: 2.5 }]);
  });

  test.each([
    [{ words: 'x', label: 0 }, ['a'], 'there is no text in the column text'],
    [{ text: 'x', label: 1 }, ['a'], 'the label in the column label is no class'],
    [{ text: 'x', label: 'b' }, ['a'], 'the label in the column label is no class'],
    [{ text: 'x', label: 0.5 }, ['a', 'b'], 'the label in the column label is no class'],
    [{ text: ' ', label: 0 }, ['a'], 'the text is empty'],
    [{ text: 'x', label: 'high' }, [], 'the column label has no number'],
    [{ text: 'x', label: '' }, [], 'the column label has no number'],
  ])('refuses %j, or leaves it out', async (row, classes, summary) => {
    await expect(collect(textExamples(rows(row), { classes }))).rejects.toMatchObject({
      code: 'invalid-file',
      path: 'f.csv:2',
      summary,
    });
    const bad: string[] = [];
    const onBadRow = (error: { readonly summary: string }) => bad.push(error.summary);
    expect(await collect(textExamples(rows(row), { classes }, { onBadRow }))).toEqual([]);
    expect(bad).toEqual([summary]);
  });

  test('finds the classes of a column', async () => {
    const labels = (...list: unknown[]) => classesOf(rows(...list.map((label) => ({ label }))));
    expect(await labels('spam', 'ham', 'spam')).toEqual(['ham', 'spam']);
    expect(await labels('10', '9', 1)).toEqual(['1', '9', '10']);
    await expect(labels()).rejects.toThrow('there is no row');
    await expect(classesOf(rows({ text: 'x' }))).rejects.toMatchObject({ path: 'f.csv:2' });
  });
});

describe('taggedRows', () => {
  test('takes tags by name or number', async () => {
    const data = rows(
      { tokens: ['in', 'Rome'], ner_tags: [0, 1] },
      { tokens: ['x'], ner_tags: ['O'] },
    );
    const sentences = taggedRows(data, { names: ['O', 'B-LOC'] });
    expect(await collect(sentences)).toEqual([
      { words: ['in', 'Rome'], tags: ['O', 'B-LOC'] },
      { words: ['x'], tags: ['O'] },
    ]);
    await expectLawful(sentences);
  });

  test.each([
    [{ words: ['x'], ner_tags: [0] }, 'there is no list in the column tokens'],
    [{ tokens: ['x'], ner_tags: [0, 1] }, 'a row has not a tag for each of its words'],
    [{ tokens: [], ner_tags: [] }, 'a row has not a tag for each of its words'],
    [{ tokens: ['x'], ner_tags: [9] }, 'a tag has no name'],
    [{ tokens: ['x'], ner_tags: ['B-X'] }, 'a tag has no name'],
  ])('refuses %j', async (row, summary) => {
    await expect(collect(taggedRows(rows(row), { names: ['O', 'B-LOC'] }))).rejects.toMatchObject({
      path: 'f.csv:2',
      summary,
    });
  });
});

describe('maskTokens', () => {
  const ids = Array.from({ length: 400 }, (_, i) => 5 + (i % 95));
  const data = fromArray([
    ...new Array(50).fill({ input_ids: [1, ...ids, 2] }),
    { input_ids: [1, 7, 2] },
  ]);
  const options = { seed: 1, epoch: 1, maskId: 3, vocabularySize: 100, special: [0, 1, 2, 3, 4] };

  test('hides the share that it should, in the three ways, and never what is special', async () => {
    const masked = await collect(maskTokens(data, options));
    const told = masked.flatMap(({ input_ids, labels }) =>
      labels.flatMap((label, i) => (label === -100 ? [] : [{ label, id: input_ids[i] ?? -1 }])),
    );
    expect(told.length / (50 * 400)).toBeCloseTo(0.15, 2);
    const share = (of: (one: { label: number; id: number }) => boolean) =>
      told.filter(of).length / told.length;
    expect(share(({ id }) => id === 3)).toBeCloseTo(0.8, 1);
    expect(share(({ id, label }) => id === label)).toBeCloseTo(0.1, 1);
    expect(share(({ id, label }) => id !== 3 && id !== label)).toBeCloseTo(0.1, 1);
    expect(told.every(({ label, id }) => label > 4 && (id === 3 || id > 4))).toBe(true);
    for (const { input_ids, labels } of masked)
      input_ids.forEach((id, i) => {
        if (labels[i] === -100 && i > 0 && i < input_ids.length - 1 && input_ids.length > 3)
          expect(id).toBe(ids[i - 1]);
      });
    expect(masked.at(-1)?.labels).toEqual([-100, 7, -100]);
  });

  test('masks anew in every epoch and row, the same for the same seed, and goes on from every row', async () => {
    const [first, second] = await collect(maskTokens(data, options));
    expect(first).not.toEqual(second);
    expect((await collect(maskTokens(data, options)))[0]).toEqual(first);
    expect((await collect(maskTokens(data, { ...options, epoch: 2 })))[0]).not.toEqual(first);
    expect((await collect(maskTokens(data, { ...options, seed: 2 })))[0]).not.toEqual(first);
    await expectLawful(maskTokens(data, options));
  });
});
