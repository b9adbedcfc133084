import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { collect, hubConfigs, type PlacedRow, readParquet } from '@lorikeet/train/data';
import { openHubDataset, randomAccessFile, readRows } from '@lorikeet/train/data/node';
import { afterAll, describe, expect, test } from 'vitest';
import { expectLawful } from './datasetLaws.ts';

const folder = mkdtempSync(join(tmpdir(), 'lorikeet-data-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const rowsOf = async (data: AsyncIterable<PlacedRow>): Promise<unknown[]> =>
  (await collect(data)).map(({ row }) => row);

describe('readRows', () => {
  test.each([
    ['rows.jsonl', '{"a":"1"}\n{"a":"2"}\n'],
    ['rows.json', '[{"a":"1"},{"a":"2"}]'],
    ['rows.csv', 'a\n1\n2\n'],
    ['rows.tsv', 'a\n1\n2\n'],
  ])('reads %s, also packed', async (name, text) => {
    for (const path of [write(name, text), write(`${name}.gz`, gzipSync(text))]) {
      const data = readRows(path);
      expect(await rowsOf(data)).toEqual([{ a: '1' }, { a: '2' }]);
      await expectLawful(data);
    }
  });

  test('refuses names that tell nothing, files that are not there, and torn packed files', async () => {
    expect(() => readRows('rows.txt')).toThrow('the name does not tell');
    for (const name of ['none.jsonl', 'none.parquet', 'none.csv.gz']) {
      await expect(collect(readRows(join(folder, name)))).rejects.toMatchObject({
        code: 'invalid-file',
        path: join(folder, name),
      });
    }
    const torn = write('torn.jsonl.gz', gzipSync('{"a":1}\n'.repeat(1000)).subarray(0, 30));
    await expect(collect(readRows(torn))).rejects.toMatchObject({ code: 'invalid-file' });
  });
});

describe('readParquet', () => {
  test('reads texts, numbers, nothing and what is nested, and goes on from every row', async () => {
    const data = readRows(fixture('rows.parquet'));
    const rows = await rowsOf(data);
    expect(rows[0]).toEqual({
      id: 'a',
      label: 0,
      score: 0.5,
      context: 'one',
      answers: { text: ['one'], answer_start: [0] },
    });
    expect(rows[1]).toMatchObject({ context: 'zwei ü', answers: { answer_start: [0, 5] } });
    expect(rows[2]).toMatchObject({ label: -1, context: '😀 drei', answers: { text: [] } });
    expect((rows[2] as { score: unknown }).score ?? null).toBeNull();
    expect(rows[4]).toMatchObject({ label: 2n ** 60n });
    await expectLawful(data);
  });

  test('reads some columns, and refuses one that is not there', async () => {
    const source = await randomAccessFile(fixture('rows.parquet'));
    expect((await rowsOf(readParquet(source, { columns: ['id'] })))[3]).toEqual({ id: 'd' });
    await expect(collect(readParquet(source, { columns: ['id', 'text'] }))).rejects.toMatchObject({
      code: 'invalid-file',
      received: 'id, label, score, context, answers',
    });
  });

  test('refuses other files, torn ones, and compressions that it was not given', async () => {
    const whole = readFileSync(fixture('rows.parquet'));
    for (const path of [
      write('text.parquet', 'no table'),
      write('empty.parquet', ''),
      write('torn.parquet', whole.subarray(0, whole.length / 2)),
      fixture('zstd.parquet'),
    ]) {
      await expect(collect(readRows(path))).rejects.toMatchObject({
        code: 'invalid-file',
        summary: 'the file cannot be read as Parquet',
      });
    }
  });
});

describe('openHubDataset', () => {
  test('goes by the README', async () => {
    write(
      'hub/README.md',
      `---
license: mit
configs:
- config_name: cola
  data_files:
  - split: train
    path: cola/part-*
  - split: test
    path: cola/held.jsonl
- config_name: other
  data_files: other.csv
dataset_info:
- config_name: cola
  features:
  - name: sentence
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '0': unacceptable
          '1': acceptable
---
# A data set
`,
    );
    write('hub/cola/part-1.jsonl', '{"sentence":"b"}\n');
    write('hub/cola/part-0.jsonl', '{"sentence":"a"}\n');
    write('hub/cola/held.jsonl', '{"sentence":"c"}\n');
    write('hub/other.csv', 'x\n1\n');
    const data = await openHubDataset(join(folder, 'hub'), 'cola');
    expect(data.splits).toEqual(['train', 'test']);
    expect(data.labels).toEqual({ label: ['unacceptable', 'acceptable'] });
    expect(await rowsOf(data.rows('train'))).toEqual([{ sentence: 'a' }, { sentence: 'b' }]);
    await expectLawful(data.rows('train'));
    expect(() => data.rows('dev')).toThrow(/no file for the split dev[\s\S]*train, test/);
    const other = await openHubDataset(join(folder, 'hub'), 'other');
    expect(await rowsOf(other.rows('train'))).toEqual([{ x: '1' }]);
    await expect(openHubDataset(join(folder, 'hub'))).rejects.toThrow(
      /no configuration default[\s\S]*one of cola, other/,
    );
  });

  test('goes by names without one', async () => {
    mkdirSync(join(folder, 'plain/data'), { recursive: true });
    copyFileSync(fixture('rows.parquet'), join(folder, 'plain/data/train-00000-of-00001.parquet'));
    write('plain/data/dev.jsonl', '{"id":"z"}\n');
    const data = await openHubDataset(join(folder, 'plain'));
    expect(data.splits).toEqual(['train', 'validation']);
    expect(await rowsOf(data.rows('train', { columns: ['id'] }))).toHaveLength(5);
    expect(await rowsOf(data.rows('validation'))).toEqual([{ id: 'z' }]);
  });

  test('refuses a folder without data, and one that is not there', async () => {
    write('empty/notes.txt', '');
    await expect(openHubDataset(join(folder, 'empty'))).rejects.toMatchObject({ code: 'no-match' });
    await expect(openHubDataset(join(folder, 'nowhere'))).rejects.toMatchObject({
      code: 'invalid-file',
    });
    expect(() => hubConfigs('---\na: [\n---\n', [])).toThrow('the YAML of a data set');
  });
});
