import {
  collect,
  pairRow,
  parseMeaning,
  readE2e,
  readJsonLines,
  readLines,
  readPairs,
  readSgm,
  readSgmPairs,
  textSource,
  translationPairs,
  zip,
} from '@lorikeet/train/data';
import { describe, expect, test } from 'vitest';
import { expectLawful } from './datasetLaws.ts';
import { WordTokenizer } from './wordTokenizer.ts';

const sgm = (
  language: string,
  texts: readonly string[],
): string => `<srcset setid="made-up" srclang="any">
<doc sysid="ref" docid="news-1" genre="news" origlang="${language}">
<hl>
<seg id="1">${texts[0]}</seg>
</hl>
<p>
<seg id="2">${texts[1]}
 and on</seg>
</p>
</doc>
<DOC docid="news-2">
<SEG id=1> ${texts[2]} </SEG>
</DOC>
</srcset>
`;

describe('translation', () => {
  test('of TSV, JSONL and two files of lines', async () => {
    const expected = [
      { source: 'Good "day', target: 'Guten Tag' },
      { source: 'Yes', target: 'Ja' },
    ];
    const tsv = readPairs(textSource('f.tsv', 'Good "day\tGuten Tag\nYes\tJa\n'));
    expect(await collect(tsv)).toEqual(expected);
    await expectLawful(tsv);
    const rows = '{"translation":{"en":"Good \\"day","de":"Guten Tag"}}\n{"en":"Yes","de":"Ja"}\n';
    const json = translationPairs(readJsonLines(textSource('f.jsonl', rows)), {
      from: 'en',
      to: 'de',
    });
    expect(await collect(json)).toEqual(expected);
    await expectLawful(json);
    const lines = zip(
      readLines(textSource('f.en', 'a\nb\n')),
      readLines(textSource('f.de', 'c\nd\n')),
    );
    expect((await collect(lines)).map(([a, b]) => a.text + b.text)).toEqual(['ac', 'bd']);
    await expectLawful(lines);
  });

  test('refuses missing languages, and files of different length', async () => {
    const rows = readJsonLines(textSource('f.jsonl', '{"translation":{"en":"x"}}'));
    await expect(collect(translationPairs(rows, { from: 'en', to: 'de' }))).rejects.toMatchObject({
      path: 'f.jsonl:1',
      summary: 'there is no text in the column de',
    });
    await expect(collect(readPairs(textSource('f.tsv', 'a\tb\nc\n')))).rejects.toMatchObject({
      path: 'f.tsv:2',
    });
    for (const [a, b] of [
      ['x', 'x\ny'],
      ['x\ny', 'x'],
    ] as const) {
      await expect(
        collect(zip(readLines(textSource('a', a)), readLines(textSource('b', b)))),
      ).rejects.toThrow('not equally long');
    }
  });

  test('of SGM', async () => {
    const segments = readSgm(
      textSource('f.sgm', sgm('en', ['Tom &amp; &quot;Jo&quot;', 'on', '5 &lt; 6'])),
    );
    expect(await collect(segments)).toEqual([
      { document: 'news-1', id: '1', text: 'Tom & "Jo"', line: 4 },
      { document: 'news-1', id: '2', text: 'on and on', line: 7 },
      { document: 'news-2', id: '1', text: '5 < 6', line: 12 },
    ]);
    await expectLawful(segments);
    const [en, de] = [
      textSource('en.sgm', sgm('en', ['a', 'b', 'c'])),
      textSource('de.sgm', sgm('de', ['d', 'e', 'f'])),
    ];
    expect((await collect(readSgmPairs(en, de)))[2]).toEqual({ source: 'c', target: 'f' });
    await expectLawful(readSgmPairs(en, de));
  });

  test.each([
    ['<seg id="1">a\n</doc>', 'f.sgm:1', 'a segment does not end'],
    ['\n<seg id="1">a', 'f.sgm:2', 'a segment does not end'],
    ['<seg id="1">a</seg><seg id="2">b</seg>', 'f.sgm:1', 'a line has more than one segment'],
  ])('refuses SGM such as %j', async (text, path, summary) => {
    await expect(collect(readSgm(textSource('f.sgm', text)))).rejects.toMatchObject({
      path,
      summary,
    });
  });

  test('refuses SGM files whose segments do not belong together', async () => {
    const [a, b] = ['1', '2'].map((id) => textSource(`${id}.sgm`, `<seg id="${id}">x</seg>`));
    if (a === undefined || b === undefined) throw new Error('unreachable');
    await expect(collect(readSgmPairs(a, b))).rejects.toMatchObject({ path: '2.sgm:1' });
  });

  test('as rows with a prefix, both cut', () => {
    const row = pairRow(new WordTokenizer(), {
      maxLength: 6,
      maxTargetLength: 4,
      prefix: 'to X: ',
    });
    const { input_ids, labels } = row({ source: 'a b c d e', target: 'f g h' });
    expect(input_ids.slice(0, 4)).toEqual([1, 316, 188, 158]);
    expect([input_ids.length, labels.length]).toEqual([6, 4]);
    expect(labels).toEqual([1, 202, 203, 2]);
  });
});

describe('E2E NLG', () => {
  const file = `mr,ref
"name[The Vaults], eatType[pub], priceRange[more than £30]","The Vaults is a pub, and ""dear""."
"name[The Vaults], eatType[pub], priceRange[more than £30]",The Vaults costs more than £30.
"name[Cotto], near[The Portland Arms]",Cotto is near The Portland Arms.
`;

  test('puts the references of a meaning together', async () => {
    const data = readE2e(textSource('trainset.csv', file));
    expect(await collect(data)).toEqual([
      {
        meaning: 'name[The Vaults], eatType[pub], priceRange[more than £30]',
        slots: [
          { name: 'name', value: 'The Vaults' },
          { name: 'eatType', value: 'pub' },
          { name: 'priceRange', value: 'more than £30' },
        ],
        references: ['The Vaults is a pub, and "dear".', 'The Vaults costs more than £30.'],
      },
      {
        meaning: 'name[Cotto], near[The Portland Arms]',
        slots: [
          { name: 'name', value: 'Cotto' },
          { name: 'near', value: 'The Portland Arms' },
        ],
        references: ['Cotto is near The Portland Arms.'],
      },
    ]);
    await expectLawful(data);
  });

  test('reads a test set without references', async () => {
    const [one] = await collect(
      readE2e(textSource('testset.csv', 'MR\n"name[A], area[riverside]"\n')),
    );
    expect(one?.references).toEqual([]);
  });

  test.each(['name The Vaults', 'name[a', 'name[a],', '', '[a]', 'name[a] area[b]'])(
    'refuses the meaning %j',
    (meaning) => {
      expect(() => parseMeaning(meaning)).toThrow('a meaning is not a list of slots');
    },
  );

  test('names the row of a meaning that cannot be read', async () => {
    await expect(collect(readE2e(textSource('f.csv', 'mr,ref\nx,y\n')))).rejects.toMatchObject({
      code: 'invalid-file',
      path: 'f.csv:2',
    });
  });
});
