import { Tokenizer } from '@lorikeet/model-zoo/tokenizers';
import { chatRow, squadAnswer, squadFeatures, tagRow } from '@lorikeet/train/data';
import { describe, expect, test } from 'vitest';
import reference from '../fixtures/features.json' with { type: 'json' };

const examples = reference.questions.map(({ id, question, context, answer }) => ({
  id,
  question,
  context,
  answers: answer === null ? [] : [{ text: answer, start: context.indexOf(answer) }],
}));

describe.each(reference.cases)(
  'with the tokenizer of a $name',
  ({ name, tokenizer: json, squad, ner }) => {
    const tokenizer = new Tokenizer(json);

    test.each(squad.map((one) => [`${one.id}, ${one.max_length} tokens`, one] as const))(
      "windows and answers of question %s are those of Hugging Face's run_qa.py",
      (_, one) => {
        const example = examples.find(({ id }) => id === one.id);
        if (example === undefined) throw new Error('the fixture names a question that it has not');
        const make = squadFeatures(tokenizer, { maxLength: one.max_length, stride: one.stride });
        const windows = make(example);
        expect(windows.map(({ row }) => row.input_ids)).toEqual(
          one.features.map((f) => f.input_ids),
        );
        expect(windows.map(({ places }) => places)).toEqual(
          one.features.map(({ places }) => places),
        );
        expect(windows.map(({ row }) => [row.start_positions, row.end_positions])).toEqual(
          one.features.map(({ start, end }) => [start, end]),
        );
        if (name === 'bert')
          expect(windows.map(({ row }) => row.token_type_ids)).toEqual(
            one.features.map((f) => f.token_type_ids),
          );
        const scored = windows.map((feature, i) => {
          const [starts = [], ends = []] = one.scores[i] ?? [];
          return { feature, starts, ends };
        });
        const { candidates, noAnswerProbability } = squadAnswer(example, scored, {
          best: 10,
          maxAnswerLength: 12,
        });
        expect(candidates.map(({ text }) => text)).toEqual(
          one.best.candidates.map(({ text }) => text),
        );
        expect(noAnswerProbability).toBeCloseTo(one.best.difference, 9);
      },
    );

    test.each(
      ner.map(
        (one) => [`${one.words[0]}, ${one.all ? 'all pieces' : 'first pieces'}`, one] as const,
      ),
    )(
      "tags of %s are those of Hugging Face's run_ner.py",
      (_, { words, tags, all, input_ids, labels }) => {
        const make = tagRow(tokenizer, {
          tags: reference.tags,
          maxLength: 99,
          pieces: all ? 'all' : 'first',
        });
        const { row } = make({ words, tags });
        expect(row.input_ids).toEqual(input_ids);
        expect(row.labels).toEqual(labels);
      },
    );
  },
);

test('a tokenizer with a chat template tells which tokens are learnt', () => {
  const [bert] = reference.cases;
  const tokenizer = new Tokenizer(bert?.tokenizer, {
    chat_template:
      "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }} ! {% endfor %}{% if add_generation_prompt %}assistant: {% endif %}",
  });
  const [row] = chatRow(tokenizer, { maxLength: 99 })([
    { role: 'user', content: 'what does the parrot eat?' },
    { role: 'assistant', content: 'seeds and nuts' },
  ]);
  const learnt = row?.labels.filter((label) => label !== -100) ?? [];
  expect(tokenizer.decode(learnt)).toBe('seeds and nuts!');
});
