import { generate, type Model } from '@lorikeet/model-zoo';
import {
  batch,
  collect,
  fromArray,
  map,
  type Pronunciation,
  pairRow,
  type Splits,
  type TextPair,
  textOf,
} from '@lorikeet/train/data';
import { loadPronunciations } from '@lorikeet/train/data/node';
import { bleu, chrf, measure, sequenceError } from '@lorikeet/train/metrics';
import { nothingToEvaluate, padIdOf, rowBatches } from './rowBatches.ts';
import { rowsOf, unsplit } from './sourceRows.ts';
import type { Task, TaskData } from './task.ts';

type Pair = TextPair & Partial<Pick<Pronunciation, 'targets'>>;

/** A text out of a text. */
export const textToText: Task<Pair> = {
  name: 'seq2seq',
  about: 'a text out of a text: translation, summaries, spelling to sound',
  columns: 'source and target; or stdlib:pronunciation',
  head: 'seq2seq-lm',
  peftType: 'SEQ_2_SEQ_LM',
  metric: { name: 'sequence_error', isBetter: 'lower' },
  async read(source) {
    if (source === 'stdlib:pronunciation') return dataOf(await loadPronunciations());
    const rows = map(fromArray(await rowsOf(source)), (placed) => ({
      source: textOf(placed, 'source'),
      target: textOf(placed, 'target'),
    }));
    return dataOf(unsplit(await collect(rows), source));
  },
};

function dataOf(examples: Splits<Pair>): TaskData<Pair> {
  return {
    examples,
    open(tokenizer, maxLength) {
      const toRow = pairRow(tokenizer, { maxLength });
      const padId = padIdOf(tokenizer);
      const answerTo = async (
        model: Model,
        sources: readonly string[],
        max_new_tokens: number,
      ): Promise<readonly string[]> => {
        const { input_ids, attention_mask } = tokenizer.pad(
          sources.map((text) => tokenizer.encode(text, { maxLength })),
          { side: 'right', multipleOf: 8 },
        );
        const prompt = { input_ids, attention_mask };
        const { tokens } = await generate(model, prompt, { max_new_tokens });
        return tokens.map((ids) => tokenizer.decode(ids));
      };
      return {
        rowCount: ({ length }) => length,
        batches: (some, plan) =>
          rowBatches(some, (pair) => [toRow(pair)], plan, { padId, maxLength, multiple: 8 }),
        async evaluate(model, some, size) {
          if (some.length === 0) throw nothingToEvaluate();
          // Rows of about the same length go together.
          const sorted = [...some].sort((a, b) => a.source.length - b.source.length);
          const longest = Math.max(...some.map((pair) => toRow(pair).labels.length));
          const segments: { answer: string; references: readonly string[] }[] = [];
          for await (const pairs of batch(fromArray(sorted), { size })) {
            const sources = pairs.map(({ source }) => source);
            const answers = await answerTo(model, sources, longest + 4);
            for (const [i, { target, targets }] of pairs.entries())
              segments.push({ answer: answers[i] ?? '', references: targets ?? [target] });
          }
          const { sequences, tokens } = measure(sequenceError, segments);
          return {
            sequence_error: sequences,
            token_error: tokens,
            bleu: measure(bleu(), segments).score,
            chrf: measure(chrf(), segments).score,
          };
        },
      };
    },
  };
}
