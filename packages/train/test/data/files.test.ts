import {
  type ByteSource,
  collect,
  type PlacedRow,
  readDelimited,
  readJson,
  readJsonArray,
  readJsonLines,
  readLines,
  readTsv,
  textOf,
  textSource,
} from '@lorikeet/train/data';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectLawful } from './datasetLaws.ts';

/** A file that comes in pieces of so many bytes. */
function inPieces(text: string, size: number): ByteSource {
  const whole = textSource('file', text);
  return {
    name: 'file',
    async *open(start) {
      for await (const bytes of whole.open(start))
        for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
    },
  };
}

const rowsOf = async (data: AsyncIterable<PlacedRow>): Promise<unknown[]> =>
  (await collect(data)).map(({ row }) => row);

describe('readLines', () => {
  test('parts at line ends of both kinds, leaves out a mark, and keeps empty lines', async () => {
    const lines = await collect(readLines(textSource('f', '\uFEFFa\r\nb\n\nc')));
    expect(lines).toEqual([
      { text: 'a', number: 1 },
      { text: 'b', number: 2 },
      { text: '', number: 3 },
      { text: 'c', number: 4 },
    ]);
    expect(await collect(readLines(textSource('f', '')))).toEqual([]);
    expect(await collect(readLines(textSource('f', 'a\n')))).toHaveLength(1);
  });

  test('gives the same however the bytes come, and goes on from every line', async () => {
    const text = fc.array(fc.constantFrom('a', 'ü', '😀', '\n', '\r\n', ' '), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 7 }), async (parts, size) => {
        const whole = parts.join('');
        const lines = readLines(inPieces(whole, size));
        const expected = whole.split(/\r?\n/);
        if (expected.at(-1) === '') expected.pop();
        expect((await collect(lines)).map((line) => line.text)).toEqual(expected);
        await expectLawful(lines);
      }),
    );
  });

  test('names the line that is not UTF-8 or too long', async () => {
    const bytes: ByteSource = {
      name: 'latin.txt',
      async *open() {
        yield Uint8Array.of(97, 10, 0xfc, 10);
      },
    };
    await expect(collect(readLines(bytes))).rejects.toMatchObject({
      code: 'invalid-file',
      path: 'latin.txt:2',
    });
    await expect(collect(readLines(textSource('f', 'ab\nabcdef'), 4))).rejects.toMatchObject({
      path: 'f:2',
      summary: 'a line is longer than may be',
    });
  });
});

describe('readJsonLines', () => {
  test('gives an object a line, and goes on from every one', async () => {
    const data = readJsonLines(textSource('f.jsonl', '{"a":1}\n\n  {"b":[2]}\n'));
    expect(await collect(data)).toEqual([
      { row: { a: 1 }, file: 'f.jsonl', line: 1 },
      { row: { b: [2] }, file: 'f.jsonl', line: 3 },
    ]);
    await expectLawful(data);
  });

  test.each([
    ['{"a":', 'a line is not JSON'],
    ['[1]', 'a line is not an object'],
    ['null', 'a line is not an object'],
  ])('refuses %s, or leaves it out', async (line, summary) => {
    const source = textSource('f.jsonl', `{"a":1}\n${line}\n{"a":2}`);
    await expect(collect(readJsonLines(source))).rejects.toMatchObject({
      code: 'invalid-file',
      path: 'f.jsonl:2',
      summary,
    });
    const bad: string[] = [];
    const rows = await rowsOf(
      readJsonLines(source, { onBadRow: (error) => bad.push(error.summary) }),
    );
    expect(rows).toEqual([{ a: 1 }, { a: 2 }]);
    expect(bad).toEqual([summary]);
  });
});

describe('readJsonArray', () => {
  test('reads a list, or one under data', async () => {
    for (const text of ['[{"a":1},{"a":2}]', '{"version":"1","data":[{"a":1},{"a":2}]}']) {
      const data = readJsonArray(inPieces(text, 3));
      expect(await rowsOf(data)).toEqual([{ a: 1 }, { a: 2 }]);
      await expectLawful(data);
    }
  });

  test('refuses what is no list of objects, and what is no JSON', async () => {
    await expect(collect(readJsonArray(textSource('f', '[1]')))).rejects.toThrow(
      'not a list of objects',
    );
    await expect(readJson(textSource('f', '{"a":1}\n{"a":2}'))).rejects.toThrow('name it .jsonl');
  });
});

describe('readDelimited', () => {
  test('reads quoted fields with delimiters, quotes and line ends, and tells their lines', async () => {
    const text = 'a,b\n1,"x, ""y""\nz"\n\n2,\r\n3,"ü"';
    expect(await collect(readDelimited(textSource('f.csv', text)))).toEqual([
      { row: { a: '1', b: 'x, "y"\nz' }, file: 'f.csv', line: 2 },
      { row: { a: '2', b: '' }, file: 'f.csv', line: 5 },
      { row: { a: '3', b: 'ü' }, file: 'f.csv', line: 6 },
    ]);
  });

  test('gives back what was written, however the bytes come, and goes on from every row', async () => {
    const field = fc.string({
      unit: fc.constantFrom('a', ' ', ',', '"', '\n', '\r\n', 'ü', '😀'),
      maxLength: 5,
    });
    const table = fc.array(fc.tuple(field, field), { minLength: 1, maxLength: 5 });
    const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        async (rows, size, ending, marked) => {
          const written = [['p', 'q'], ...rows].map((row) => row.map(quote).join(',') + ending);
          const data = readDelimited(inPieces((marked ? '\uFEFF' : '') + written.join(''), size));
          const expected = rows.filter((row) => row.some((text) => text !== ''));
          expect(await rowsOf(data)).toEqual(expected.map(([p, q]) => ({ p, q })));
          await expectLawful(data);
        },
      ),
    );
  });

  test('takes quotes as plain text where asked to', async () => {
    const data = readTsv(textSource('f.tsv', 'a\tb\n"x\ty" "z\n'));
    expect(await rowsOf(data)).toEqual([{ a: '"x', b: 'y" "z' }]);
    await expectLawful(data);
  });

  test('takes names of columns for files without them', async () => {
    const data = readTsv(textSource('f.tsv', '1\t2\n'), { columns: ['a', 'b'] });
    expect(await rowsOf(data)).toEqual([{ a: '1', b: '2' }]);
  });

  test('of an empty file, or of names alone, there are no rows', async () => {
    expect(await collect(readDelimited(textSource('f', '')))).toEqual([]);
    expect(await collect(readDelimited(textSource('f', 'a,b\n')))).toEqual([]);
    expect(await collect(readTsv(textSource('f', '')))).toEqual([]);
  });

  test.each([
    ['a,b\n1,2\n3\n', 'f:3', 'a row has not one field for each column'],
    ['a,b\n1,2,3\n', 'f:2', 'a row has not one field for each column'],
    ['a,b\n1,"2\n3,4\n', 'f:2', 'a field is quoted wrongly'],
    ['a,a\n1,2\n', 'f:1', 'two columns are named "a"'],
  ])('refuses %j', async (text, path, summary) => {
    await expect(collect(readDelimited(textSource('f', text)))).rejects.toMatchObject({
      code: 'invalid-file',
      path,
      summary: expect.stringContaining(summary),
    });
  });

  test('leaves bad rows out if it may, and tells of each', async () => {
    const bad: (string | undefined)[] = [];
    const data = readDelimited(textSource('f', 'a,b\n1\n2,3\n4,5,6\n'), {
      onBadRow: ({ path }) => bad.push(path),
    });
    expect(await rowsOf(data)).toEqual([{ a: '2', b: '3' }]);
    expect(bad).toEqual(['f:2', 'f:4']);
  });
});

test('a missing column is an error that names those there are', () => {
  const placed = { row: { text: 'x', n: 1 }, file: 'f', line: 7 };
  expect(textOf(placed, 'text')).toBe('x');
  expect(() => textOf(placed, 'sentence')).toThrow(/column sentence[\s\S]*f:7[\s\S]*"text", "n"/);
  expect(() => textOf(placed, 'n')).toThrow('there is no text in the column n');
  expect(() => textOf(placed, 'toString')).toThrow('no text in the column toString');
});
