import {
  collect,
  fromArray,
  type PlacedRow,
  readJsonArray,
  type ScoredFeature,
  type SquadExample,
  squadAnswer,
  squadExamples,
  squadFeatures,
  textSource,
} from '@lorikeet/train/data';
import { measure, squad } from '@lorikeet/train/metrics';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectLawful } from './datasetLaws.ts';
import { WordTokenizer } from './wordTokenizer.ts';

const context = 'The 😀 parrot, which is green, eats seeds. It sleeps in a tree.';

describe('squadExamples', () => {
  const official = JSON.stringify({
    version: 'v2.0',
    data: [
      {
        title: 'Parrots',
        paragraphs: [
          {
            context,
            qas: [
              {
                id: '1',
                question: 'What does it eat?',
                answers: [{ text: 'seeds', answer_start: 35 }],
                is_impossible: false,
              },
              {
                id: '2',
                question: 'Who feeds it?',
                answers: [],
                plausible_answers: [{ text: 'tree', answer_start: 1 }],
                is_impossible: true,
              },
            ],
          },
        ],
      },
    ],
  });

  test('reads the official files, and counts places as strings do', async () => {
    const data = squadExamples(readJsonArray(textSource('dev-v2.0.json', official)));
    const [first, second] = await collect(data);
    expect(first).toEqual({
      id: '1',
      question: 'What does it eat?',
      context,
      answers: [{ text: 'seeds', start: 36 }],
    });
    expect(context.slice(36, 41)).toBe('seeds');
    expect(second?.answers).toEqual([]);
    await expectLawful(data);
  });

  test("reads the Hub's rows", async () => {
    const row = {
      id: '1',
      title: 't',
      context,
      question: 'q',
      answers: { text: ['green', 'green,'], answer_start: [23, 23] },
    };
    const rows = fromArray<PlacedRow>([{ row, file: 'f', line: 1 }]);
    const [example] = await collect(squadExamples(rows));
    expect(
      example?.answers.map(({ start, text }) => context.slice(start, start + text.length)),
    ).toEqual(['green', 'green,']);
  });

  test('refuses an answer that stands elsewhere', async () => {
    const moved = official.replace('"answer_start":35', '"answer_start":34');
    await expect(
      collect(squadExamples(readJsonArray(textSource('f.json', moved)))),
    ).rejects.toMatchObject({ code: 'invalid-file', path: 'f.json:1' });
  });
});

const tokenizer = new WordTokenizer();
const example = (text: string): SquadExample => ({
  id: 'q',
  question: ' What?',
  context,
  answers: text === '' ? [] : [{ text, start: context.indexOf(text) }],
});

describe('squadFeatures', () => {
  test('cuts the context into windows that overlap, each with the question', () => {
    const windows = squadFeatures(tokenizer, { maxLength: 16, stride: 4 })(example('seeds'));
    expect(windows.length).toBeGreaterThan(2);
    for (const { row, places } of windows) {
      expect(row.input_ids.length).toBeLessThanOrEqual(16);
      expect(row.input_ids.slice(0, 5)).toEqual(windows[0]?.row.input_ids.slice(0, 5));
      expect(places).toHaveLength(row.input_ids.length);
    }
    const covered = windows.flatMap(({ places }) =>
      places.filter((place) => place !== null).map(([start]) => start),
    );
    expect([...new Set(covered)].sort((a, b) => a - b)).toEqual(
      tokenizer.encode(context, { addSpecialTokens: false }).offsets.map(([start]) => start),
    );
  });

  test('points to the tokens of the answer, and to the mark where the window has not all of it', () => {
    const windows = squadFeatures(tokenizer, { maxLength: 16, stride: 4 })(example('eats seeds'));
    const found = windows.filter(({ row }) => row.start_positions !== 0);
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThan(windows.length);
    for (const { row, places } of found) {
      const [first, last] = [places[row.start_positions], places[row.end_positions]];
      expect(context.slice(first?.[0], last?.[1])).toBe('eats seeds');
    }
    for (const { row } of squadFeatures(tokenizer)(example('')))
      expect([row.start_positions, row.end_positions]).toEqual([0, 0]);
  });

  test('of any span in any windows, what it points to covers the span', () => {
    const words = [...context.matchAll(/\S+/g)];
    fc.assert(
      fc.property(
        fc.nat(words.length - 1),
        fc.nat(3),
        fc.integer({ min: 12, max: 40 }),
        (first, more, maxLength) => {
          const [from, to] = [words[first], words[Math.min(first + more, words.length - 1)]];
          const start = from?.index ?? 0;
          const text = context.slice(start, (to?.index ?? 0) + (to?.[0].length ?? 0));
          const windows = squadFeatures(tokenizer, { maxLength, stride: 5 })({
            ...example(''),
            answers: [{ text, start }],
          });
          for (const { row, places } of windows) {
            if (row.start_positions === 0) continue;
            const [a, b] = [places[row.start_positions], places[row.end_positions]];
            expect(context.slice(a?.[0], b?.[1])).toBe(text);
          }
        },
      ),
    );
  });

  test('cuts a long question', () => {
    const long = { ...example(''), question: 'why '.repeat(50) };
    const [window] = squadFeatures(tokenizer, { maxLength: 64, maxQuestionLength: 6 })(long);
    expect(window?.row.token_type_ids?.indexOf(1)).toBe(8);
  });
});

describe('squadAnswer', () => {
  /** Windows whose scores are zero but where told. */
  function score(
    windows: ReturnType<ReturnType<typeof squadFeatures>>,
    peaks: (
      feature: (typeof windows)[number],
      index: number,
    ) => { start?: [number, number]; end?: [number, number]; none?: number },
  ): ScoredFeature[] {
    return windows.map((feature, i) => {
      const { start, end, none = 0 } = peaks(feature, i);
      const [starts, ends] = [feature, feature].map(({ places }) =>
        new Array<number>(places.length + 3).fill(0),
      );
      if (starts === undefined || ends === undefined) throw new Error('unreachable');
      [starts[0], ends[0]] = [none / 2, none / 2];
      if (start !== undefined) starts[start[0]] = start[1];
      if (end !== undefined) ends[end[0]] = end[1];
      return { feature, starts, ends };
    });
  }

  test('leads from the labels back to the text', () => {
    for (const text of ['seeds', 'The 😀 parrot', 'sleeps in a tree', 'It']) {
      const one = example(text);
      const windows = squadFeatures(tokenizer, { maxLength: 24, stride: 8 })(one);
      const scored = score(windows, ({ row }) =>
        row.start_positions === 0
          ? {}
          : { start: [row.start_positions, 5], end: [row.end_positions, 5] },
      );
      const { answer, candidates } = squadAnswer(one, scored);
      expect(answer).toBe(text);
      expect(measure(squad, [{ answer, references: [text] }]).exactMatch).toBe(100);
      expect(candidates.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 10);
      expect(candidates.map((one) => one.score)).toEqual(
        candidates.map((one) => one.score).toSorted((a, b) => b - a),
      );
    }
  });

  test('gives no answer that ends before it begins, is too long, or lies in the question or the padding', () => {
    const one = example('seeds');
    const windows = squadFeatures(tokenizer)(one);
    const back = squadAnswer(
      one,
      score(windows, () => ({ start: [9, 5], end: [7, 4] })),
    );
    expect(back.candidates.every(({ start, end }) => end > start)).toBe(true);
    const long = squadAnswer(
      one,
      score(windows, () => ({ start: [5, 5], end: [15, 5] })),
      { maxAnswerLength: 3 },
    );
    expect(
      long.candidates.every(
        ({ text }) => tokenizer.encode(text, { addSpecialTokens: false }).ids.length <= 3,
      ),
    ).toBe(true);
    const asked = squadAnswer(
      one,
      score(windows, ({ places }) => ({ start: [1, 9], end: [places.length + 1, 9] })),
    );
    expect(asked.candidates.every(({ score }) => score < 9)).toBe(true);
  });

  test('answers nothing where that scores better by more than the threshold', () => {
    const one = example('seeds');
    const windows = squadFeatures(tokenizer)(one);
    const scored = score(windows, ({ row }) => ({
      start: [row.start_positions, 2],
      end: [row.end_positions, 2],
      none: 5,
    }));
    expect(squadAnswer(one, scored).answer).toBe('seeds');
    const unsure = squadAnswer(one, scored, { nullThreshold: 0 });
    expect(unsure).toMatchObject({ answer: '', noAnswerProbability: 1 });
    expect(unsure.candidates[0]?.text).toBe('');
    expect(squadAnswer(one, scored, { nullThreshold: 1.5 }).answer).toBe('seeds');
  });

  test('takes the least score of no answer among the windows', () => {
    const one = example('seeds');
    const windows = squadFeatures(tokenizer, { maxLength: 16, stride: 4 })(one);
    const scored = score(windows, (_, i) => ({ none: 10 - i }));
    expect(squadAnswer(one, scored).noAnswerProbability).toBe(10 - (windows.length - 1));
  });
});
