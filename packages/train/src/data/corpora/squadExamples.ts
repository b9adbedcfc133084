import type { Dataset } from '../dataset.ts';
import { badRow } from '../files/badRow.ts';
import { isRow } from '../files/readJsonLines.ts';
import { type PlacedRow, textOf } from '../files/row.ts';
import { flatMap } from '../flatMap.ts';

export interface AnswerSpan {
  readonly text: string;
  /** Where it begins in the context, in UTF-16 units, as strings are indexed here. SQuAD counts characters. */
  readonly start: number;
}

export interface SquadExample {
  readonly id: string;
  readonly question: string;
  readonly context: string;
  /** Without any, the question has no answer (SQuAD 2.0), or it is kept secret. */
  readonly answers: readonly AnswerSpan[];
}

/**
 * The questions of SQuAD 1.1 or 2.0. A row is an article with its paragraphs, as `readJsonArray` gives them of the official
 * file, or a question with `context` and `answers`, as on the Hub.
 *
 * @throws LorikeetError `invalid-file`, with file and row, for other rows, and for an answer that does not stand where it
 *   is said to.
 */
export function squadExamples(rows: Dataset<PlacedRow>): Dataset<SquadExample> {
  return flatMap(rows, (placed) => {
    const { paragraphs } = placed.row;
    if (!Array.isArray(paragraphs)) return [hubExample(placed)];
    return paragraphs.filter(isRow).flatMap((paragraph) => {
      const context = textOf({ ...placed, row: paragraph }, 'context');
      const questions = Array.isArray(paragraph.qas) ? paragraph.qas.filter(isRow) : [];
      return questions.map((row) => {
        const place = { ...placed, row };
        const answers = Array.isArray(row.answers) ? row.answers.filter(isRow) : [];
        return {
          id: textOf(place, 'id'),
          question: textOf(place, 'question'),
          context,
          answers: answers.map((answer) =>
            spanIn(context, textOf({ ...placed, row: answer }, 'text'), answer.answer_start, place),
          ),
        };
      });
    });
  });
}

function hubExample(placed: PlacedRow): SquadExample {
  const context = textOf(placed, 'context');
  const { answers } = placed.row;
  const texts = isRow(answers) && Array.isArray(answers.text) ? answers.text : [];
  const starts = isRow(answers) && Array.isArray(answers.answer_start) ? answers.answer_start : [];
  return {
    id: textOf(placed, 'id'),
    question: textOf(placed, 'question'),
    context,
    answers: texts.map((text, i) => spanIn(context, String(text), starts[i], placed)),
  };
}

function spanIn(context: string, text: string, start: unknown, place: PlacedRow): AnswerSpan {
  const characters = typeof start === 'number' ? start : -1;
  const before = [...context].slice(0, Math.max(0, characters)).join('');
  if (characters >= 0 && context.startsWith(text, before.length))
    return { text, start: before.length };
  throw badRow(place.file, place.line, 'an answer does not stand where it is said to', {
    expected: JSON.stringify(text),
    received: `${JSON.stringify(context.slice(before.length, before.length + text.length))} at ${String(start)}`,
  });
}
