import {
  mailQuestions,
  pronunciationTask,
  restorationTags,
  restorationTask,
  type Splits,
  spamTask,
  splitByGroup,
} from '@lorikeet/train/data';
import {
  loadMailQuestions,
  loadPronunciations,
  loadRestoration,
  loadSpam,
} from '@lorikeet/train/data/node';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const partsOf = <Item>({ train, validation, test }: Splits<Item>): (readonly Item[])[] => [
  train,
  validation,
  test,
];

/** That no two parts share what a function gives of their items. */
function expectApart<Item>(splits: Splits<Item>, of: (item: Item) => string): void {
  const seen = new Map<string, number>();
  partsOf(splits).forEach((part, i) => {
    for (const item of part) {
      expect(seen.get(of(item)) ?? i).toBe(i);
      seen.set(of(item), i);
    }
  });
}

describe('splitByGroup', () => {
  test('keeps groups whole, loses nothing, and decides a group by its name and the seed alone', () => {
    const items = fc.array(fc.record({ group: fc.string({ maxLength: 2 }), value: fc.nat() }));
    fc.assert(
      fc.property(items, items, fc.nat(9), (some, more, seed) => {
        const groupOf = ({ group }: { group: string }): string => group;
        const splits = splitByGroup(some, groupOf, { seed });
        expect(partsOf(splits).flat()).toHaveLength(some.length);
        expectApart(splits, groupOf);
        const wider = splitByGroup([...some, ...more], groupOf, { seed });
        partsOf(splits).forEach((part, i) => {
          expect(partsOf(wider)[i]).toEqual(expect.arrayContaining([...part]));
        });
      }),
    );
  });

  test('meets the shares about, and another seed parts otherwise', () => {
    const names = Array.from({ length: 5000 }, (_, i) => `group ${i}`);
    const splits = splitByGroup(names, (name) => name, { validation: 0.2, test: 0.1 });
    expect(splits.validation.length / 5000).toBeCloseTo(0.2, 1);
    expect(splits.test.length / 5000).toBeCloseTo(0.1, 1);
    expect(splitByGroup(names, (name) => name, { seed: 1 }).test).not.toEqual(
      splitByGroup(names, (name) => name).test,
    );
  });
});

describe('restoring capitals and marks', () => {
  const all = <Item>(splits: Splits<Item>): Item[] => partsOf(splits).flat();

  test('tells what was written', () => {
    const text = 'CALL me Ishmael. "Who\'s there?" said I—nobody; (2 whales) at Sub-Sub\'s, O!';
    const [sentence] = all(restorationTask([{ text }]));
    expect(sentence?.words.map((word, i) => `${word} ${sentence.tags[i]}`)).toEqual([
      'call UPPER',
      'me O',
      'ishmael Cap.',
      "who's Cap",
      'there ?',
      'said O',
      'i Cap',
      'nobody ;',
      '2 O',
      'whales O',
      'at O',
      "sub-sub's Cap,",
      'o Cap!',
    ]);
  });

  test('gives back any text of words, capitals and marks', () => {
    const word = fc.record({
      letters: fc.constantFrom('whale', 'Whale', 'WHALE', 'a', "o'er"),
      mark: fc.constantFrom('', ',', '.', ';', ':', '?', '!'),
    });
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1 }),
        fc.integer({ min: 1, max: 5 }),
        (parts, words) => {
          const written = parts.map(({ letters, mark }) => letters + mark);
          // Items that repeat are kept once, so that only texts without any come back whole.
          const items = all(restorationTask([{ text: written.join(' ') }], { words }));
          fc.pre(items.flatMap((item) => item.words).length === parts.length);
          const back = items.flatMap((item) =>
            item.words.map((plain, i) => {
              const tag = item.tags[i] === 'O' ? '' : (item.tags[i] ?? '');
              const mark = tag.replace(/^(Cap|UPPER)/, '');
              const first = plain.slice(0, 1).toUpperCase() + plain.slice(1);
              return (
                (tag.startsWith('UPPER')
                  ? plain.toUpperCase()
                  : tag.startsWith('Cap')
                    ? first
                    : plain) + mark
              );
            }),
          );
          expect(back).toEqual(written);
        },
      ),
    );
  });

  test('of Moby-Dick has true tags, and no item twice', async () => {
    const splits = await loadRestoration();
    expect(splits).toEqual(await loadRestoration());
    expect(partsOf(splits).map((part) => part.length)).toEqual([4084, 516, 688]);
    const items = all(splits);
    expectApart(splits, ({ words }) => words.join(' '));
    expect(new Set(items.map(({ words }) => words.join(' '))).size).toBe(items.length);
    for (const { words, tags } of items) {
      expect(tags).toHaveLength(words.length);
      expect(words.length).toBeLessThanOrEqual(40);
    }
    const used = new Set(items.flatMap(({ tags }) => tags));
    expect([...used].filter((tag) => !restorationTags.includes(tag))).toEqual([]);
    expect(used.size).toBeGreaterThan(15);
  });
});

describe('questions about mail', () => {
  const mail = [
    'From x@y.z Thu Aug 22',
    'Received: from a by b',
    'From: "Ann Lee" <ann@lee.org>',
    'To: list@example.org',
    'Subject: [list] Re: Tea at five',
    'Date: Thu, 22 Aug 2002 12:36:23 +0100',
    'X-Mailer: Made Up 1.0',
    '',
    'Shall we? Ann <ann@lee.org>',
  ].join('\n');

  test('has the answers where it says they are', () => {
    const { train, validation, test } = mailQuestions([{ text: mail }], { perMail: 99 });
    const found = [...train, ...validation, ...test].map(({ answers, context }) => {
      const [answer] = answers;
      const start = answer?.start ?? 0;
      expect(context.slice(start, start + (answer?.text.length ?? 0))).toBe(answer?.text);
      return answer?.text;
    });
    expect(found.toSorted()).toEqual(
      [
        '"Ann Lee" <ann@lee.org>',
        'ann@lee.org',
        'list@example.org',
        '[list] Re: Tea at five',
        'Thu, 22 Aug 2002 12:36:23 +0100',
        '2002',
        '12:36:23',
        'Made Up 1.0',
      ].toSorted(),
    );
  });

  test('asks for what is missing only if it may, and only where the whole mail has it not', () => {
    const unanswered = (text: string): string[] =>
      partsOf(mailQuestions([{ text }], { perMail: 99, unanswerable: true }))
        .flat()
        .filter(({ answers }) => answers.length === 0)
        .map(({ id }) => id);
    expect(unanswered(mail)).toHaveLength(1);
    const long = mail.replace('Date:', `Reply-To: ${'x'.repeat(200)}@example.org\nDate:`);
    expect(unanswered(long)).toEqual([]);
  });

  test('leaves out mails without a subject, without headers, and copies', () => {
    const texts = [mail, mail, 'Hello', '', 'From: a@b.c\n\nno subject'].map((text) => ({ text }));
    const ids = partsOf(mailQuestions(texts))
      .flat()
      .map(({ id }) => id.split('-')[0]);
    expect(new Set(ids)).toEqual(new Set(['0']));
  });

  test('of the SpamAssassin corpus are exact, and no thread is in two parts', async () => {
    const splits = await loadMailQuestions({ unanswerable: true });
    expect(partsOf(splits).map((part) => part.length)).toEqual([14370, 1551, 1680]);
    for (const { context, answers } of partsOf(splits).flat()) {
      expect(context.length).toBeLessThan(1200);
      for (const { text, start } of answers) expect(context.startsWith(text, start)).toBe(true);
    }
    expectApart(splits, ({ context }) => context);
    const subject = (context: string): string =>
      (/^Subject:\s*(.*)$/im.exec(context)?.[1] ?? '')
        .toLowerCase()
        .replaceAll(/\[[^\]]*\]|\b(re|fw|fwd|aw)\s*(\[\d+\])?:/g, ' ')
        .replaceAll(/\s+/g, ' ')
        .trim();
    expectApart(splits, ({ context }) => subject(context));
  });
});

describe('spelling to sound', () => {
  const dictionary = {
    READ: 'R EH1 D',
    'READ(1)': 'R IY1 D',
    READING: 'R EH1 D IH0 NG',
    'READING(1)': 'R IY1 D IH0 NG',
    'READING(2)': 'R IY2 D IH1 NG',
    "READ'S": 'R IY1 D Z',
    'AD-HOC': 'AE1 D HH AA1 K',
    A: 'AH0',
  };

  test('puts the pronunciations of a word together, with stress or without', () => {
    const of = (stress: boolean) =>
      partsOf(pronunciationTask(dictionary, { stress }))
        .flat()
        .toSorted((a, b) => (a.word < b.word ? -1 : 1));
    expect(of(false)).toEqual([
      { word: 'a', source: 'a', target: 'AH', targets: ['AH'] },
      { word: 'read', source: 'r e a d', target: 'R EH D', targets: ['R EH D', 'R IY D'] },
      {
        word: 'reading',
        source: 'r e a d i n g',
        target: 'R EH D IH NG',
        targets: ['R EH D IH NG', 'R IY D IH NG'],
      },
    ]);
    expect(of(true)[2]?.targets).toHaveLength(3);
  });

  test('of CMUdict has every word once, and forms of a word in one part', async () => {
    const all = await loadPronunciations();
    expect(partsOf(all).map((part) => part.length)).toEqual([92956, 11745, 11802]);
    const splits = await loadPronunciations({ count: 20_000, seed: 4 });
    const words = partsOf(splits)
      .flat()
      .map(({ word }) => word);
    expect(words).toHaveLength(20_000);
    expect(new Set(words).size).toBe(words.length);
    expect(splits).toEqual(await loadPronunciations({ count: 20_000, seed: 4 }));
    expect(splits).not.toEqual(await loadPronunciations({ count: 20_000, seed: 5 }));
    const known = new Set(splits.train.map(({ word }) => word));
    const leaked = splits.test.filter(({ word }) => known.has(`${word}s`) && !/(s|ie)$/.test(word));
    expect(leaked).toEqual([]);
    expect(splits.train.every(({ target }) => /^[A-Z]{1,2}( [A-Z]{1,2})*$/.test(target))).toBe(
      true,
    );
  });
});

describe('spam or ham', () => {
  test('goes by subject and text, or what is read in the markup, and leaves out copies', () => {
    const mails = [
      { subject: 'Hi', text: 'there\n\nyou', isSpam: false },
      { subject: 'Hi', text: 'there you', isSpam: false },
      { subject: 'Buy', html: '<style>p {}</style><p>this&nbsp;now</p>', isSpam: true },
      { subject: '', text: ' ', isSpam: true },
    ];
    expect(
      partsOf(spamTask(mails))
        .flat()
        .toSorted((a, b) => (a.text < b.text ? -1 : 1)),
    ).toEqual([
      { text: 'Buy this now', label: 1 },
      { text: 'Hi there you', label: 0 },
    ]);
    expect(partsOf(spamTask(mails, { longest: 2 })).flat()).toHaveLength(2);
  });

  test('keeps a thread in one part', () => {
    const mails = Array.from({ length: 200 }, (_, i) => ({
      subject: `${['', 'Re: ', '[list] ', 'Fwd: '][i % 4]}Topic ${i >> 2}`,
      text: `mail ${i}`,
      isSpam: false,
    }));
    const splits = spamTask(mails);
    expect(partsOf(splits).every((part) => part.length > 0)).toBe(true);
    const seen = new Map<string, number>();
    partsOf(splits).forEach((part, i) => {
      for (const { text } of part) {
        const topic = /topic \d+/i.exec(text)?.[0] ?? '';
        expect(seen.get(topic) ?? i).toBe(i);
        seen.set(topic, i);
      }
    });
  });

  test('of the SpamAssassin corpus has every text once, and about as much spam in each part', async () => {
    const splits = await loadSpam();
    const all = partsOf(splits).flat();
    expect(new Set(all.map(({ text }) => text)).size).toBe(all.length);
    expect(partsOf(splits).map((part) => part.length)).toEqual([4795, 512, 559]);
    for (const part of partsOf(splits)) {
      const spam = part.filter(({ label }) => label === 1).length / part.length;
      expect(spam).toBeGreaterThan(0.2);
      expect(spam).toBeLessThan(0.4);
    }
  });
});
